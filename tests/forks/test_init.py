"""``make init`` in a real clone: all or nothing, and what remains passes its own checks."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from app.config import ROOT
from forks.answers import Answers
from forks.naming import Names
from forks.renaming import is_kept, tracked
from tests.stack.trees import LINT, copied, run

pytestmark = [pytest.mark.skipif(Answers.read(ROOT) is not None, reason="make init has run"), pytest.mark.slow]
INIT: Final = (sys.executable, "-m", "forks", "init", "--name")
TITLE: Final = "Acme Orders"
PAGE: Final = "docs/change/name-your-product.md"
OUTPUT: Final = "output.txt"
AUTHOR: Final = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
TESTS: Final = (
    "tests/forks",
    "tests/integration/test_migrations.py",
    "tests/integration/test_mail.py",
    "tests/unit/test_config.py",
    "tests/law/test_product.py",
    "tests/law/test_nginx.py",
    "tests/api/test_create_task.py",
    "tests/docs/test_links.py",
)
"""Tests that read names, documents or migrations."""


def clone(folder: Path) -> Path:
    """Return a repository with one commit of this tree."""
    tree = copied(ROOT, folder)
    for command in (("init", "-q"), ("add", "-A"), (*AUTHOR, "commit", "-q", "-m", "begin")):
        run(tree, "git", *command)
    return tree


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that is not changed by tests."""
    return clone(tmp_path_factory.mktemp("upstream") / "candor")


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a repository after ``make init``."""
    tree = clone(tmp_path_factory.mktemp("fork") / "orders")
    (tree.parent / OUTPUT).write_text(run(tree, *INIT, TITLE))
    yield tree
    shutil.rmtree(tree)


def test_no_file_has_the_former_name(fork: Path) -> None:
    """LICENSE, fork.toml and the introduction of README.md name the source of the repository."""
    run(fork, "git", "add", "-A")
    named = {str(path) for path in tracked(fork) if b"candor" in (fork / path).read_bytes().lower()}
    assert [path for path in named if not is_kept(Path(path))] == ["README.md"]
    assert [path for path in tracked(fork) if "candor" in str(path)] == []


def test_the_page_shows_the_output(fork: Path) -> None:
    output = (fork.parent / OUTPUT).read_text()
    shown = re.findall("(?m)^init: .*", (ROOT / PAGE).read_text())
    assert len(shown) == 2
    for line in shown:
        assert re.search(rf"(?m)^{re.sub('[0-9]+', '[0-9]+', re.escape(line))}$", output)


def test_the_choices_are_recorded(fork: Path) -> None:
    answers = Answers.read(fork)
    assert answers is not None
    assert (answers.names, answers.upstream) == (Names.of(TITLE), Names.of("Candor"))
    assert answers.commit == run(fork, "git", "rev-parse", "HEAD").strip()


@pytest.mark.nightly
def test_lint_and_types_pass(fork: Path) -> None:
    for tool in LINT:
        run(fork, sys.executable, "-m", *tool)


def test_one_migration_creates_the_schema_of_the_models(
    fork: Path, make_database: Callable[[str], str], tmp_path: Path
) -> None:
    (made,) = (fork / "migrations" / "versions").glob("*.py")
    upstream = max(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert made.name.partition("_")[0] == upstream.partition("_")[0]
    settings = {"DATABASE_URL": make_database("fork"), "JWT_SECRET": "x" * 32}
    for command in (("upgrade",), ("check",), ("downgrade", "base"), ("upgrade",)):
        run(fork, sys.executable, "-m", "flask", "db", *command, **settings)


def test_a_database_of_upstream_needs_no_migration(fork: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET": "x" * 32}
    run(fork, sys.executable, "-m", "flask", "db", "check", **settings)


def test_the_contract_is_that_of_the_fork(fork: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://localhost/x", "JWT_SECRET": "x" * 32}
    assert (
        run(fork, sys.executable, "-m", "flask", "contract", "check", **settings)
        == "The contract holds. Additions: 0.\n"
    )


@pytest.mark.nightly
def test_the_tests_that_read_names_pass(fork: Path, server_url: str) -> None:
    run(fork, sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *TESTS, TEST_DATABASE_URL=server_url)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("Acme_Orders", "NAME must begin with a letter"), ("Candor Two", "the name must not contain 'candor'")],
)
def test_an_invalid_name_changes_nothing(upstream: Path, name: str, sentence: str) -> None:
    assert sentence in rejected(upstream, name)
    assert run(upstream, "git", "status", "--porcelain") == ""


def test_uncommitted_changes_are_kept(upstream: Path) -> None:
    mine = upstream / "mine.txt"
    mine.write_text("mine")
    try:
        assert "there are uncommitted changes" in rejected(upstream, TITLE)
        assert run(upstream, "git", "status", "--porcelain") == "?? mine.txt\n"
    finally:
        mine.unlink()


def test_a_second_time_is_rejected(fork: Path) -> None:
    assert f"this repository is {TITLE} already" in rejected(fork, "Other")


def rejected(tree: Path, name: str) -> str:
    """Return the sentence of a rejection."""
    done = subprocess.run([*INIT, name], cwd=tree, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr
