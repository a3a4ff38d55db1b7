"""A renamed repository without its optional parts is complete: lint, types, quick tests; nightly, all tests.

CI does this once, for the repository with the fewest parts. The nightly run does it for one with all of them too.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.config import ROOT
from forks.answers import Answers
from forks.parts import all_parts
from tests.forks.test_init import AUTHOR, INIT, TITLE, clone
from tests.stack.trees import LINT, run, run_within

pytestmark = [pytest.mark.skipif(Answers.read(ROOT) is not None, reason="make init has run"), pytest.mark.slow]
EVERYTHING: Final = ",".join(all_parts())
LEFT_OUT: Final = (
    *("tests/stack", "tests/browser", "tests/forks", "tests/containers", "tests/docs/test_site.py"),
    *("tests/clients", "tests/conformance", "tests/ecosystem", "tests/matrix", "tests/proxies"),
)
QUICK: Final = (
    "tests/unit/errs",
    "tests/unit/cli/test_snippets.py",
    "tests/law/test_declared_errors.py",
    "tests/law/test_env_example.py",
    "tests/law/test_makefile.py",
    "tests/law/test_nginx.py",
    "tests/law/test_version.py",
    "tests/api/test_create_task.py",
    "tests/api/test_registration.py",
    "tests/docs/test_links.py",
)


def fork(folder: Path, without: str) -> Path:
    """Return a repository after ``make init``, committed."""
    tree = clone(folder)
    run(tree, *INIT, TITLE, "--without", without)
    for command in (("add", "-A"), (*AUTHOR, "commit", "-q", "-m", TITLE)):
        run(tree, "git", *command)
    return tree


@pytest.fixture(scope="module")
def thinned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a repository without any optional part."""
    tree = fork(tmp_path_factory.mktemp("thinned") / "orders", EVERYTHING)
    yield tree
    shutil.rmtree(tree)


def test_the_removed_parts_are_recorded(thinned: Path) -> None:
    answers = Answers.read(thinned)
    assert answers is not None
    assert answers.without == tuple(EVERYTHING.split(","))


def test_no_part_is_left(thinned: Path) -> None:
    code = [path for folder in ("app", "deploy") for path in (thinned / folder).rglob("*.py")]
    assert len(code) > 200
    for word in ("movies", "/v1/orders", "app.rpc", "ProfileService"):
        assert [path for path in code if word in path.read_text()] == [], word
    for name in ("bench", "app/rpc", "contract/proto.json", ".github", ".gitlab-ci.yml", "renovate.json"):
        assert not (thinned / name).exists(), name


def test_quick_tests_pass(thinned: Path, server_url: str) -> None:
    run(thinned, sys.executable, "-m", "ruff", "check", ".")
    run(thinned, sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *QUICK, TEST_DATABASE_URL=server_url)


def test_a_resource_can_be_generated(thinned: Path, server_url: str) -> None:
    words = (
        "amount:money",
        "status:enum=draft,sent",
        "--transition",
        "send=draft:sent",
    )
    for name, *own_words in (
        ("invoices", "number:text:20:unique-per=customer_id", "--owned"),
        ("widgets", "number:text:20:unique"),
    ):
        run(thinned, sys.executable, "-m", "flask", "new", "resource", name, *own_words, *words)
        own = sorted(str(path) for path in (thinned / "tests").rglob(f"test_{name}.py"))
        assert len(own) == 3
        run(thinned, sys.executable, "-m", "ruff", "check", ".")
        run(thinned, sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *own, TEST_DATABASE_URL=server_url)


def test_a_resource_over_grpc_is_rejected_in_one_sentence(thinned: Path) -> None:
    command = (sys.executable, "-m", "flask", "new", "resource", "parcels", "--grpc")
    done = subprocess.run(command, cwd=thinned, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: this repository has no gRPC: leave out --grpc.\n")


@pytest.mark.nightly
def test_types_and_imports_are_correct(thinned: Path) -> None:
    for tool in LINT:
        run(thinned, sys.executable, "-m", *tool)
    run(thinned, str(Path(sys.executable).parent / "lint-imports"))


@pytest.mark.nightly
@pytest.mark.parametrize("without", ["", EVERYTHING], ids=["everything kept", "everything thinned"])
def test_all_tests_pass(tmp_path: Path, server_url: str, without: str) -> None:
    """The tests that ``make test ALL=true`` runs, except for those of containers, the fork and processes."""
    tree = fork(tmp_path / "orders", without)
    ignored = (f"--ignore={path}" for path in LEFT_OUT)
    tests = (sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-p", "no:cacheprovider")
    run_within(3600, tree, *tests, *ignored, TEST_DATABASE_URL=server_url)
    shutil.rmtree(tree)
