"""``flask contract`` from outside: its output for a developer who changes a schema in a checkout."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.contract.contract_record import FILES
from tests.stack.conftest import ROOT
from tests.stack.trees import FLASK, copied, run

CHECK: Final = (*FLASK, "contract", "check")
ACCEPT: Final = (*FLASK, "contract", "accept")
MODEL: Final = Path("app", "models", "tasks.py")
SCHEMA: Final = Path("app", "wire", "schemas", "tasks.py")
CHANGELOG: Final = Path("CHANGELOG.md")
MEMBER: Final = """    tags = _tags()
    colour = fields.Text(allow_none=True, metadata={"description": "For people."})


class TaskInputSchema"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the tree whose recorded contract matches its code."""
    tree = copied(ROOT, tmp_path / "candor")
    run(tree, *ACCEPT)
    yield tree
    shutil.rmtree(tree)


def edit(tree: Path, path: Path, old: str, new: str) -> None:
    text = (tree / path).read_text()
    assert text.count(old) == 1, (path, old)
    (tree / path).write_text(text.replace(old, new))


def failed(tree: Path) -> str:
    """Return the output of the check for a tree that breaks its contract."""
    done = subprocess.run(CHECK, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.nightly
def test_a_lowered_limit_fails_until_it_is_accepted(tree: Path) -> None:
    assert run(tree, *CHECK) == "The contract holds. Additions: 0.\n"
    edit(tree, MODEL, "TITLE_LENGTH: Final = 200", "TITLE_LENGTH: Final = 100")
    says = failed(tree)
    sentence = (
        "`TaskCreate.title` has maxLength 100 instead of 200 (POST /v1/tasks, POST /v1/tasks:batchCreate): "
        "clients that send larger or longer values get 400."
    )
    assert f"breaking: {sentence}\n" in says
    assert "`flask contract accept` records the current state" in says
    before = (tree / "contract" / "openapi.json").read_text().splitlines()
    assert f"breaking: {sentence}\n" in run(tree, *ACCEPT)
    after = (tree / "contract" / "openapi.json").read_text().splitlines()
    differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(differing) == 3, "a line of TaskCreate, of TaskUpdate and of Task"
    assert {now == was.replace("200", "100") for was, now in differing} == {True}
    assert run(tree, *CHECK) == "The contract holds. Additions: 0.\n"


def test_an_addition_needs_an_entry_in_the_changelog(tree: Path) -> None:
    edit(tree, SCHEMA, "    tags = _tags()\n\n\nclass TaskInputSchema", MEMBER)
    says = failed(tree)
    assert "not in CHANGELOG.md under Unreleased: `Task.colour` is returned (" in says
    assert "not in CHANGELOG.md under Unreleased: `TaskCreate.colour` is accepted (" in says
    assert "breaking" not in says
    heading = next(line for line in (tree / CHANGELOG).read_text().splitlines() if line.startswith("## Unreleased"))
    edit(tree, CHANGELOG, f"{heading}\n", f"{heading}\n\n- Tasks have a `colour`.\n")
    output = run(tree, *CHECK)
    assert "added: `Task.colour` is returned (" in output
    assert "\nThe contract holds. Additions: " in output


@pytest.mark.nightly
def test_without_a_record_it_prints_the_command_to_run(tree: Path) -> None:
    shutil.rmtree(tree / "contract")
    assert "`flask contract accept` records it" in failed(tree)
    assert run(tree, *ACCEPT) == f"Recorded in contract/: {', '.join(FILES)}.\n"
    assert run(tree, *CHECK) == "The contract holds. Additions: 0.\n"
