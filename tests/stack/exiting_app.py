"""The application with a handler that ends its thread, for tests: ``gunicorn tests.stack.exiting_app:app``."""

import sys

from app import create_app

app = create_app()


@app.route("/exit", methods=["GET", "POST"])
def exits() -> str:
    """Raise SystemExit, which no error handler of Flask receives."""
    sys.exit("the handler exits")
