"""Movies can be removed: files by their name, and the lines that mention them; the rest of the codebase works."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.stack.conftest import ROOT
from tests.stack.trees import FLASK, check, copied, removal, run

pytestmark = pytest.mark.nightly
VERSIONS: Final = Path("migrations", "versions")
REMAINING: Final = (
    *("tests/unit/services", "tests/unit/errs", "tests/integration/test_task_collection.py"),
    *(f"tests/api/test_{each}.py" for each in ("create_task", "delete_task", "authorization", "registration")),
)
"""Tests, among all that remain, that would notice."""

PASSWORDS: Final = "list.txt"
"""Interests that users choose, films among them."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the tree without movies and their migration, removed as the documentation describes."""
    tree = copied(ROOT, tmp_path_factory.mktemp("without") / "candor")
    run(tree, "bash", "-ec", removal("movies", "movie"))
    close_up(tree / VERSIONS)
    yield tree
    shutil.rmtree(tree)


def close_up(versions: Path) -> None:
    """Let each migration follow the one before it."""
    before = None
    for path in sorted(versions.glob("[0-9]*.py")):
        follows = "None" if before is None else f'"{before}"'
        path.write_text(re.sub("(?m)^down_revision = .*", f"down_revision = {follows}", path.read_text()))
        before = path.name.partition("_")[0]


def test_no_file_mentions_them(tree: Path) -> None:
    assert list((tree / "app").rglob("*movie*")) + list((tree / "tests").rglob("*movie*")) == []
    code = [
        path
        for path in tree.rglob("*")
        if path.suffix in {".py", ".conf", ".toml", ".txt"} or path.name == ".env.example"
    ]
    assert len(code) > 400
    assert [
        path for path in code if re.search("movie", path.read_text(), re.IGNORECASE) and path.name != PASSWORDS
    ] == []


def test_what_remains_is_sound(tree: Path, server_url: str) -> None:
    check(tree, server_url, *REMAINING)


def test_the_contract_check_fails_and_the_contract_is_recorded_again(tree: Path) -> None:
    """The check fails for removed operations, until the fork accepts them."""
    other = copied(tree, tree.parent / "recorded")
    done = subprocess.run([*FLASK, "contract", "check"], cwd=other, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "breaking: Code `MOVIE_NOT_FOUND` is gone: clients that handle it never see it again.\n" in done.stderr
    assert "breaking: An operation is gone (GET /v1/movies, POST /v1/movies, " in done.stderr
    assert "breaking: Code `MOVIE_NOT_FOUND` is gone" in run(other, *FLASK, "contract", "accept")
    assert run(other, *FLASK, "contract", "check") == "The contract holds. Additions: 0.\n"


def test_where_the_migration_has_run_another_one_drops_the_table(
    tree: Path, tmp_path: Path, make_database: Callable[[str], str]
) -> None:
    """The alternative of the documentation: the file of the migration is kept."""
    kept = copied(tree, tmp_path / "candor")
    shutil.rmtree(kept / VERSIONS)
    copied(ROOT / VERSIONS, kept / VERSIONS)
    url = make_database("without_movies")
    for words in (("upgrade",), ("migrate", "-m", "drop movies"), ("upgrade",), ("check",)):
        run(kept, *FLASK, "db", *words, DATABASE_URL=url)
    (made,) = {path.name for path in (kept / VERSIONS).glob("*.py")} - {
        path.name for path in (ROOT / VERSIONS).glob("*.py")
    }
    assert made.endswith("_drop_movies.py")
    assert re.findall(r"op\.drop_table\('(\w+)'\)", (kept / VERSIONS / made).read_text()) == ["movies"]


def test_another_resource_can_take_their_place(tree: Path, tmp_path: Path) -> None:
    """The generator of resources needs no movies as an example."""
    other = copied(tree, tmp_path / "candor")
    run(other, *FLASK, "new", "resource", "gizmos")
    assert "/v1/gizmos/<id:gizmo_id>" in run(other, *FLASK, "routes")
