"""Each mistake is made in a copy of the repository. The cheapest check finds it within seconds, with its sentence."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grimp
import pytest

from tests import quick
from tests.mistakes.listed import COMMANDS, ROOT, Mistake, listed

pytestmark = pytest.mark.slow

MISTAKES: Final = listed()
LEFT_OUT: Final = {
    *(".git", ".venv", ".local", ".hypothesis", ".schemathesis", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".import_linter_cache", "__pycache__", "node_modules"),
}
SECONDS: Final = 10.0
"""The processor time in which a check finds its mistake."""
TIMEOUT: Final = 300
"""Seconds. A loaded machine takes longer than the processor."""
IN_CI: Final = frozenset({"lint", "ruff", "import", "tests/law/test_mail_templates.py"})
"""The checks of which every run makes the mistakes; the others run at night."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the repository."""
    copy = tmp_path_factory.mktemp("mistakes") / ROOT.name
    shutil.copytree(ROOT, copy, ignore=lambda _, names: LEFT_OUT.intersection(names))
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def made(tree: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the copy with one mistake. Its files are restored afterwards."""
    mistake: Mistake = request.getfixturevalue("mistake")
    before = {name: (tree / name).read_text() for name in mistake.files if (tree / name).exists()}
    try:
        for change in mistake.changes:
            change.apply(tree)
        yield tree
    finally:
        for name in mistake.files:
            if name in before:
                (tree / name).write_text(before[name])
            else:
                (tree / name).unlink(missing_ok=True)


def ran(tree: Path, command: tuple[str, ...], server_url: str, timeout: float = TIMEOUT) -> tuple[int, str, float]:
    """Return the status of a command, its output, and its processor time in seconds."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as a developer runs it: only changed modules are compiled
    environ |= {"TEST_DATABASE_URL": server_url, "COLUMNS": "500"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False, timeout=timeout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, f"{done.stdout}\n{done.stderr}", spent


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(each, id=each.title.replace("`", ""), marks=() if each.check in IN_CI else (pytest.mark.nightly,))
        for each in MISTAKES
    ],
)
def test_it_is_found(made: Path, mistake: Mistake, server_url: str) -> None:
    began = time.monotonic()
    status, output, spent = ran(made, mistake.command, server_url)
    print(f"{mistake.title}: {spent:.1f} s of the processor, {time.monotonic() - began:.1f} s")  # noqa: T201 -- a measurement
    assert status != 0, f"{' '.join(mistake.command)} succeeds"
    assert mistake.sentence in " ".join(output.split()), output
    assert spent < SECONDS


def test_each_change_finds_its_text(tmp_path: Path) -> None:
    """The check itself runs at night only."""
    for number, mistake in enumerate(MISTAKES):
        tree = tmp_path / str(number)
        for name in mistake.files:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, tree / name)
        for change in mistake.changes:
            change.apply(tree)


@pytest.mark.nightly
@pytest.mark.parametrize("check", sorted({mistake.check for mistake in MISTAKES}))
def test_without_a_mistake_the_check_succeeds(tree: Path, check: str, server_url: str) -> None:
    """Otherwise it would find anything."""
    (mistake, *_) = (each for each in MISTAKES if each.check == check)
    command = COMMANDS.get(check, mistake.command)
    status, output, _ = ran(tree, command, server_url)
    assert status == 0, output


def test_there_are_thirty() -> None:
    assert len(MISTAKES) >= 30
    assert len({mistake.title for mistake in MISTAKES}) == len(MISTAKES)


def test_make_quick_runs_the_check_of_each() -> None:
    graph = grimp.build_graph("app", "tests", cache_dir=None)
    late = {
        mistake.title: mistake.check
        for mistake in MISTAKES
        if mistake.check not in COMMANDS
        and mistake.check not in quick.selected(mistake.files, graph)[: quick.MOST // 2]
    }
    assert late == {}, "name the test in tests/quick.py"
