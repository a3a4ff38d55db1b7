"""Items of a batch that fail are rendered by one function for each protocol, which has them counted and logged."""

import re
from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[2] / "app"
RENDERER: Final = re.compile(r"^from app\.(rest\.errors|rpc\.details) import .*\bfailures\b", re.MULTILINE)


def test_no_handler_renders_failures_by_itself() -> None:
    found = {str(path.relative_to(APP)) for path in APP.rglob("*.py") if RENDERER.search(path.read_text())}
    assert found == {"rest/batches.py"}
