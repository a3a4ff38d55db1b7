"""Failed items of a batch are rendered by one function for each protocol, which counts and logs them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[2] / "app"
RENDERERS: Final = {("app.rest.errors", "failures"), ("app.rpc.error_details", "failures")}


def used(source: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import from a module, and of each attribute used of an imported module."""
    tree, modules = ast.parse(source), dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", each.name) for each in node.names)
            modules |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            modules |= {each.asname or each.name: each.name for each in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node.value)
            yield modules.get(name, name), node.attr


def test_no_handler_renders_failures_itself() -> None:
    found = {str(path.relative_to(APP)) for path in APP.rglob("*.py") if RENDERERS & {*used(path.read_text())}}
    assert found == {"rest/batch_failures.py"}


def test_each_form_of_import_is_found() -> None:
    for source in (
        "from app.rest.errors import (\n    Occasion,\n    failures,\n)",
        "from app.rest.errors import failures as other",
        "from app.rest import errors\nerrors.failures()",
        "from app.rest import errors as e\ne.failures()",
        "import app.rest.errors\napp.rest.errors.failures()",
        "import app.rest.errors as e\ne.failures()",
    ):
        assert ("app.rest.errors", "failures") in used(source), source
