"""The environment of ``make ecosystem`` installs every package that the shared fixtures import."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "tests" / "ecosystem" / "requirements.lock"
PROGRAM: Final = """
import json, sys, tests.ecosystem.conftest
print(json.dumps([module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "tests"]))
"""


def _imported_packages(source: str) -> Iterator[str]:
    """Yield the packages that a module imports unconditionally."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module.split(".")[0]


def test_the_lock_contains_the_imports_of_the_fixtures() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(path) for path in json.loads(run.stdout) if path]
    packages = {package for path in paths for package in _imported_packages(path.read_text())} - {"app", "tests"}
    distributions = packages_distributions()
    imported = {name.lower() for package in packages for name in distributions.get(package, ())}
    assert "sqlalchemy" in imported
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", LOCK.read_text()))
    assert {re.sub(r"[-_.]+", "-", name) for name in imported} - locked == set()
