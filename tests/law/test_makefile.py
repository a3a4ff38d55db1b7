"""The files that ``Makefile`` names exist, and so do the targets that other files call."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.config import ROOT


def missing_files(root: Path) -> set[str]:
    """Return the sources that the Makefile names and the repository does not have."""
    text = (root / "Makefile").read_text()
    named = re.findall(r"(?<![\w/.-])((?:app|bench|deploy|docs|tests)/[\w./-]*\w)(?![\w%$(])", text)
    modules = re.findall(r"-m ((?:app|bench|deploy|forks|tests)[\w.]*)", text)
    paths = {*named, *(module.replace(".", "/") for module in modules)}
    return {each for each in paths if not (root / each).exists() and not (root / f"{each}.py").exists()}


def missing_targets(root: Path) -> set[str]:
    """Return the targets that the nightly run and CI call and the Makefile does not have."""
    known = {*re.findall(r"(?m)^([a-z][a-z-]*):", (root / "Makefile").read_text())}
    return {*_called(root)} - known


def _called(root: Path) -> Iterator[str]:
    for name in ("tests/nightly.py", ".ci/run"):
        text = re.sub("(?m)#.*", "", (root / name).read_text())
        yield from re.findall(r"(?<!`)\bmake ([a-z][a-z-]*)", text)


def test_all_files_exist() -> None:
    assert missing_files(ROOT) == set()


def test_all_targets_exist() -> None:
    assert {"lint", "test", "fuzz"} <= {*_called(ROOT)}
    assert missing_targets(ROOT) == set()
