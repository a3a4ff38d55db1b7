"""``app.errs`` works in any Python program: it needs only the standard library and the product's name."""

import subprocess
import sys

PROGRAM = """
import sys
import app.errs
frameworks = {"flask", "werkzeug", "sqlalchemy", "marshmallow", "psycopg", "apispec", "orjson", "jwt"}
print(sorted(frameworks & {name.partition(".")[0] for name in sys.modules}))
print(sorted(name for name in sys.modules if name.startswith("app.") and not name.startswith("app.errs")))
"""


def test_importing_it_imports_no_framework_and_only_the_product_name() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "['app.product']"]
