"""Copies of this tree, to change and check as the author of a fork does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

MACHINERY: Final = {".git", ".venv", ".local", "__pycache__", ".hypothesis", ".schemathesis", ".pytest_cache"}
LINT: Final = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("tests.lint",), ("mypy",))
FLASK: Final = (sys.executable, "-m", "flask")
LAW: Final = tuple(
    f"tests/law/test_{each}.py"
    for each in (
        *("declared_errors", "env_example", "every_list", "job_kinds", "mail_templates", "models", "nginx"),
        *("outbound_calls", "ownership", "personal_data", "schema", "secrets", "sizes"),
    )
)
"""Tests that fail at once when a part is missing, and those that find typical mistakes."""


def copied(source: Path, tree: Path) -> Path:
    """Return a copy of a tree, without generated files, except for mypy's cache."""
    return Path(shutil.copytree(source, tree, ignore=lambda _, names: MACHINERY.intersection(names)))


def run(tree: Path, *command: str, **environment: str) -> str:
    """Run a command in a tree, which must succeed within five minutes, and return its output."""
    return run_within(300, tree, *command, **environment)


def run_within(seconds: float, tree: Path, *command: str, **environment: str) -> str:
    """Run a command as ``run`` does, with another time limit."""
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environment
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def check(tree: Path, server_url: str, *tests: str) -> None:
    """Assert that a tree passes lint, types, import contracts, its migrations and some of its tests."""
    for tool in LINT:
        run(tree, sys.executable, "-m", *tool)
    run(tree, str(Path(sys.executable).parent / "lint-imports"))
    tests = ("tests/integration/test_migrations.py", *LAW, *tests)
    run(tree, sys.executable, "-m", "pytest", "-q", "-x", *tests, TEST_DATABASE_URL=server_url)
