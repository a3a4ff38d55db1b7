"""The output of ``flask new resource`` for a resource whose paths begin with its parent."""

import sys
from pathlib import Path

import pytest

from tests.stack.conftest import ROOT
from tests.stack.test_new_invoices import SWEEPS
from tests.stack.trees import FLASK, check, copied, run

STATE = ("status:enum=open,paid", "--transition", "settle=open:paid")
DESIGNS = {
    "a parent with owners": (
        "order:ref=orders:parent",
        "reference:text:40:unique-per=order_id",
        "amount:money",
        *STATE,
    ),
    "owners of both": ("task:ref=tasks:parent", "amount:money", "--owned"),
    "a shared parent": ("branch:ref=branches:parent", "amount:money:optional", "day:date"),
}
TESTS = ("tests/unit/services/test_payments.py", "tests/integration/test_payments.py", "tests/api/test_payments.py")


def generated(folder: Path, design: str) -> Path:
    """Return a copy of the tree with the resource ``payments``."""
    tree = copied(ROOT, folder / "candor")
    run(tree, "git", "init", "-q")
    run(tree, "git", "add", "-A")
    if design == "a shared parent":
        run(tree, *FLASK, "new", "resource", "branches")
    run(tree, *FLASK, "new", "resource", "payments", *DESIGNS[design])
    return tree


def test_a_parent_is_not_added_later(tmp_path: Path) -> None:
    tree = generated(tmp_path, "owners of both")
    with pytest.raises(AssertionError, match="a parent decides the paths of a resource"):
        run(tree, *FLASK, "new", "member", "payments", "order:ref=orders:parent")


def test_nothing_is_written_if_the_rules_of_nginx_cannot_be(tmp_path: Path) -> None:
    tree = copied(ROOT, tmp_path / "candor")
    run(tree, "git", "init", "-q")
    with (tree / "app" / "rest" / "proxy_config" / "nginx.py").open("a") as source:
        source.write("\n\ndef configuration(app: Flask) -> str:\n    raise ValueError\n")
    run(tree, "git", "add", "-A")
    with pytest.raises(AssertionError, match="flask edge nginx failed"):
        run(tree, *FLASK, "new", "resource", "payments", *DESIGNS["owners of both"])
    assert run(tree, "git", "diff", "--name-only") == ""
    assert run(tree, "git", "ls-files", "--others", "--exclude-standard") == ""


def test_its_tests_pass(tmp_path: Path, server_url: str) -> None:
    tree = generated(tmp_path, "a parent with owners")
    run(tree, sys.executable, "-m", "ruff", "check", ".")
    run(tree, sys.executable, "-m", "pytest", "-q", "-x", *TESTS, TEST_DATABASE_URL=server_url)
    run(tree, *FLASK, "new", "resource", "zebras")
    assert run(tree, *FLASK, "edge", "nginx") == (tree / "deploy" / "nginx" / "problems.conf").read_text()


@pytest.mark.nightly
@pytest.mark.parametrize("design", DESIGNS)
def test_it_passes_all_checks(tmp_path: Path, server_url: str, design: str) -> None:
    """Also with one more member, and in the tests of all operations."""
    tree = generated(tmp_path, design)
    run(tree, *FLASK, "new", "member", "payments", "memo:text:200:optional")
    check(tree, server_url, *TESTS, *SWEEPS)
