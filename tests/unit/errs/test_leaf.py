"""``app.errs`` has no dependencies and works in any Python program."""

import subprocess
import sys

PROGRAM = """
import sys
import app.errs
strangers = {"flask", "werkzeug", "sqlalchemy", "marshmallow", "psycopg", "apispec", "orjson", "jwt"}
print(sorted(strangers & {name.partition(".")[0] for name in sys.modules}))
print(sorted(name for name in sys.modules if name.startswith("app.") and not name.startswith("app.errs")))
"""


def test_importing_it_imports_no_web_framework_and_no_other_package() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "[]"]
