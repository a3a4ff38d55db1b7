"""The ``flask`` commands, a group a file; jobs, users and rpc move in here."""

import os

from flask import Flask

from app.cli import errors, explain, migrations, tokens


def register(app: Flask) -> None:
    """Put the commands in place."""
    app.cli.add_command(errors.group)
    app.cli.add_command(explain.explain)
    app.cli.add_command(tokens.group)
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        migrations.bind(app)
