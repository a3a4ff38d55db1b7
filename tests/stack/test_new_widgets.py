"""Output of ``flask new resource`` passes every check at once, and can be removed again."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forks import removing
from forks.parts import add_generated
from tests.stack.conftest import ROOT
from tests.stack.trees import FLASK, check, copied, run

OWN = (
    "tests/unit/services/test_widgets.py",
    "tests/integration/test_widgets.py",
    "tests/api/test_widgets.py",
    "tests/law/test_machinery_errors.py",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the tree with the resource ``widgets``."""
    tree = copied(ROOT, tmp_path_factory.mktemp("with") / "candor")
    assert "flask tokens issue --subject alice --scope widgets" in run(tree, *FLASK, "new", "resource", "widgets")
    yield tree
    shutil.rmtree(tree)


def contents(tree: Path) -> dict[str, bytes]:
    """Return the programs of a tree, and all other files in which a resource has a line."""
    found = (path for folder in ("app", "deploy", "migrations", "tests") for path in (tree / folder).rglob("*"))
    return {str(path.relative_to(tree)): path.read_bytes() for path in found if path.suffix in {".py", ".conf", ".txt"}}


@pytest.mark.nightly
def test_it_passes_all_checks(tree: Path, server_url: str) -> None:
    """In every layer, with a migration and passing tests; the sweeping tests include it."""
    check(tree, server_url, *OWN)


def test_its_additions_are_in_the_changelog(tree: Path) -> None:
    output = run(tree, *FLASK, "contract", "check")
    assert "added: `DELETE /v1/widgets/{widget_id}` is a new operation.\n" in output
    assert "added: Code `WIDGET_NOT_FOUND` is new.\n" in output
    assert "added: `widgets` is a new scope.\n" in output


def test_removed_again_it_leaves_nothing_behind(tree: Path) -> None:
    """The lines that it adds to shared files are separate lines."""
    for command in (("init", "-q"), ("add", "-A")):
        run(tree, "git", *command)
    add_generated(tree, "widgets")
    removing.remove(tree, ["widgets"])
    (made,) = tree.glob("migrations/versions/*_widgets.py")
    made.unlink()
    (tree / "deploy/nginx/problems.conf").write_text(run(tree, *FLASK, "edge", "nginx"))
    run(tree, sys.executable, "-m", "ruff", "format", "--quiet", ".")
    found, expected = contents(tree), contents(ROOT)
    assert found.keys() == expected.keys()
    assert [path for path in found if found[path] != expected[path]] == []
