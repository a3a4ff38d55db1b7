"""What a process that serves does not load."""

import subprocess
import sys

from tests.stack.conftest import ROOT


def test_serving_imports_neither_alembic_nor_flask_migrate() -> None:
    """They cost half a second at each start, and only ``flask db`` needs them."""
    script = "import sys, wsgi; print(sorted({'alembic', 'flask_migrate', 'grpc', 'pytest'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
