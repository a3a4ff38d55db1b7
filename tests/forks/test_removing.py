"""Each optional part can be removed alone: every edit finds its place, and no name is left undefined."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import ROOT
from forks import removing
from forks.answers import Answers
from forks.parts import UnknownPartError, all_parts, chosen
from tests.forks.test_init import clone
from tests.law.test_makefile import missing_files, missing_targets
from tests.stack.trees import LINT, run

pytestmark = [pytest.mark.skipif(Answers.read(ROOT) is not None, reason="make init has run"), pytest.mark.slow]
RESOURCES = ("movies", "orders", "profiles")
IN_CI = "movies"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Return a repository with one commit of this tree."""
    tree = clone(tmp_path / "candor")
    yield tree
    shutil.rmtree(tree)


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[] if part == IN_CI else [pytest.mark.nightly]) for part in all_parts()]
)
def test_a_part_alone(tree: Path, part: str) -> None:
    skipped = [edit for each in chosen(part) for edit in removing.remove(tree, [each]).skipped if each == part]
    assert skipped == []
    ruff = [sys.executable, "-m", "ruff", "check", "--select", "F821,F822,E9", "--output-format", "concise", "."]
    found = subprocess.run(ruff, cwd=tree, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert removing.paths_of(tree, part) == []
    assert (missing_files(tree), missing_targets(tree)) == (set(), set())


def test_parts_that_need_a_removed_one_go_too() -> None:
    assert chosen("grpc, movies") == ("benchmark", "grpc", "movies")
    with pytest.raises(UnknownPartError, match="no part is called gprc; the parts are laboratory"):
        chosen("gprc")


@pytest.mark.nightly
def test_a_resource_is_removed_from_a_live_repository(tree: Path, make_database: Callable[[str], str]) -> None:
    """The migration drops its table; a second one is not needed."""
    url = make_database("removed")
    settings = {"DATABASE_URL": url, "JWT_SECRET": "x" * 32}
    run(tree, sys.executable, "-m", "flask", "db", "upgrade", **settings)
    output = run(tree, sys.executable, "-m", "forks", "remove", "movies")
    shown = re.findall("(?m)^remove: .*", (ROOT / "docs" / "change" / "remove-parts.md").read_text())
    assert len(shown) == 3
    for line in shown:
        assert re.search(rf"(?m)^{re.sub('[0-9]+', '[0-9]+', re.escape(line))}$", output), line
    assert "not changed, check it" not in output
    (made,) = tree.glob("migrations/versions/*_drop_movies.py")
    assert "op.drop_table('movies')" in made.read_text().replace('"', "'")
    for command in (("upgrade",), ("check",), ("downgrade",), ("upgrade",)):
        run(tree, sys.executable, "-m", "flask", "db", *command, **settings)
    for tool in LINT:
        run(tree, sys.executable, "-m", *tool)
    assert "/v1/movies" not in run(tree, sys.executable, "-m", "flask", "routes", **settings)
