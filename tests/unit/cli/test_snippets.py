"""``flask new setting``, ``job``, ``metric``, ``error`` and ``client``: invalid words, and placement."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import snippets
from app.cli.resource.files import OWN_NAMES
from app.config import ROOT
from tests.unit.cli.checkout import contents

pytestmark = pytest.mark.slow

FILES = (
    *("pyproject.toml", ".env.example", "app/config/__init__.py", "app/wiring/__init__.py", "app/errs/tasks.py"),
    *("app/observability/metrics.py", "tests/law/test_settings.py"),
)
PARTS: dict[str, Callable[[Path], object]] = {
    "setting": lambda tree: snippets.setting(tree, "tasks_open:bool=true", "Whether the service accepts new tasks."),
    "number": lambda tree: snippets.setting(tree, "lists_most:int=7", "The largest number of lists."),
    "job": lambda tree: snippets.job(tree, "tasks.expire"),
    "metric": lambda tree: snippets.metric(tree, "tasks_sent_total", "Sent tasks."),
    "error": lambda tree: snippets.error(tree, "tasks", "task_locked", "The task is locked."),
    "client": lambda tree: snippets.client(tree, "billing"),
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a checkout with the files that additions change."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_all_of_them_are_formatted(small: Path) -> None:
    for write in PARTS.values():
        write(small)
    for step in (("format", "--check"), ("check", "--config", OWN_NAMES)):
        command = [sys.executable, "-m", "ruff", *step, "."]
        done = subprocess.run(command, cwd=small, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    example = (small / ".env.example").read_text()
    assert example.index("# TASKS_OPEN=true") < example.index("# LISTS_MOST=7") < example.index("# BILLING_URL=")


@pytest.mark.parametrize("part", PARTS)
def test_a_second_one_is_rejected_and_nothing_is_written(small: Path, part: str) -> None:
    PARTS[part](small)
    before = contents(small)
    with pytest.raises(ValueError, match="already"):
        PARTS[part](small)
    assert contents(small) == before


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda tree: snippets.setting(tree, "tasks_open", "A sentence."),
            "write tasks_open:bool=true, with bool, int",
        ),
        (
            lambda tree: snippets.setting(tree, "tasks_open:bool=maybe", "A sentence."),
            "is not a default of the type bool",
        ),
        (lambda tree: snippets.setting(tree, "Orders:bool=true", "A sentence."), "'Orders' is not a name"),
        (lambda tree: snippets.setting(tree, "tasks_open:bool=true", "no sentence"), "is not a sentence: begin with"),
        (lambda tree: snippets.job(tree, "expire"), "'expire' is not the kind of a job: write tasks.expire"),
        (lambda tree: snippets.metric(tree, "tasks_sent", "Sent."), "is not a counter, whose name ends in _total"),
        (lambda tree: snippets.error(tree, "nothing", "no_such", "A sentence."), "app/errs/nothing.py is missing"),
        (lambda tree: snippets.client(tree, "class"), "'class' is not a name"),
    ],
)
def test_invalid_words_are_rejected_with_the_correct_form(
    small: Path, write: Callable[[Path], object], message: str
) -> None:
    before = contents(small)
    with pytest.raises(ValueError, match=re.escape(message)):
        write(small)
    assert contents(small) == before


def test_a_file_of_another_form_is_rejected(small: Path) -> None:
    (small / "app" / "wiring" / "__init__.py").write_text("")
    with pytest.raises(ValueError, match=r"app/wiring/__init__.py has no line like"):
        snippets.job(small, "tasks.expire")
