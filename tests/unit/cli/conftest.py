"""Fixtures of the tests of commands."""

from pathlib import Path

import pytest

from tests.unit.cli.checkout import checkout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a checkout with the files that a resource needs."""
    return checkout(tmp_path)
