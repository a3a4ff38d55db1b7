"""The output of ``flask new resource`` with members, an owner and a transition, and of ``flask new member``."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.conftest import ROOT
from tests.stack.trees import FLASK, LINT, check, copied, run

DESIGN = (
    *("number:text:20:unique-per=customer_id", "order:ref=orders", "amount:money", "status:enum=draft,sent,paid"),
    *("due:date:optional", "--owned", "--transition", "send=draft:sent"),
    "--grpc",
)
ADDED = ("memo:text:200:optional", "task:ref=tasks:optional", "code:text:30:optional:unique-per=customer_id")
TESTS = (
    *("tests/unit/services/test_invoices.py", "tests/integration/test_invoices.py", "tests/api/test_invoices.py"),
    "tests/api/test_invoice_walk.py",
    "tests/rpc/test_invoices.py",
)
SWEEPS = (
    *("tests/law/test_machinery_errors.py", "tests/law/test_repetition.py", "tests/api/test_erasure.py"),
    "tests/rpc/test_machinery_errors.py",
)
MOST_LINES = 426
"""Half of the lines of a resource without members in the first release of the command."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the tree with the resource ``invoices``."""
    tree = copied(ROOT, tmp_path_factory.mktemp("invoices") / "candor")
    run(tree, "git", "init", "-q")
    run(tree, "git", "add", "-A")
    run(tree, *FLASK, "new", "resource", "invoices", *DESIGN)
    shutil.copy(ROOT / "tests" / "stack" / "invoice_walk.py", tree / "tests" / "api" / "test_invoice_walk.py")
    yield tree
    shutil.rmtree(tree)


def test_its_lines_are_few(tree: Path) -> None:
    """All lines: code, tests and those in shared files. The copy of the walk does not count."""
    other = copied(ROOT, tree.parent / "other")
    run(other, "git", "init", "-q")
    run(other, "git", "add", "-A")
    run(other, *FLASK, "new", "resource", "gizmos")
    run(other, "git", "add", "-A", "-N")
    counts = [line.split("\t") for line in run(other, "git", "diff", "--numstat").splitlines()]
    shutil.rmtree(other)
    assert 300 < sum(int(added) for added, _, _ in counts) <= MOST_LINES


@pytest.mark.nightly
def test_it_passes_all_checks(tree: Path, server_url: str) -> None:
    check(tree, server_url, *TESTS)
    assert "added: Code `INVOICE_SEND_NOT_ALLOWED` is new.\n" in run(tree, *FLASK, "contract", "check")
    assert run(tree, *FLASK, "edge", "nginx") == (tree / "deploy" / "nginx" / "problems.conf").read_text()


@pytest.mark.nightly
@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_sweeps_over_all_operations_pass(tree: Path, server_url: str, sweep: str) -> None:
    run(tree, sys.executable, "-m", "pytest", "-q", "-x", sweep, TEST_DATABASE_URL=server_url)


@pytest.mark.nightly
def test_with_more_members_the_same_tests_pass(tree: Path, server_url: str) -> None:
    for word in ADDED:
        run(tree, *FLASK, "new", "member", "invoices", word)
    for tool in LINT:
        run(tree, sys.executable, "-m", *tool)
    run(tree, *FLASK, "contract", "check")
    for tests in (TESTS, ("tests/integration/test_migrations.py",)):
        run(tree, sys.executable, "-m", "pytest", "-q", "-x", *tests, TEST_DATABASE_URL=server_url)
