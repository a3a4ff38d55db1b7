"""Modules that a serving process does not load."""

import subprocess
import sys

from tests.stack.conftest import ROOT


def test_serving_imports_neither_alembic_nor_flask_migrate() -> None:
    """They delay each start by half a second, and only ``flask db`` needs them; disabled tracing loads nothing."""
    unwanted = {"alembic", "flask_migrate", "grpc", "opentelemetry.sdk.trace", "pytest"}
    script = f"import sys, wsgi; print(sorted({unwanted} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
