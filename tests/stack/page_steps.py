"""The steps of a page of ``docs/change`` or ``docs/tutorials``, and how a test follows them in a copy of the tree.

A page has three kinds of steps, each with one fenced block:

* ``Create `PATH`:`` and a block: the text of a new file.
* ``In `PATH`:`` and a ``diff`` block: lines to add and to remove, between lines that are in the file.
* A ``console`` block: commands after ``$``, and their output. ``…`` stands for anything.

Blocks of the languages in ``ILLUSTRATIONS`` are not steps.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT, blocks_of

ILLUSTRATIONS: Final = {"mermaid", "text"}
_PATH: Final = re.compile(r"`([\w./-]+\.\w+|\.env\.example|Makefile)`")
MADE: Final = "make -o .venv/bin/python -o .venv/run.lock -o .venv/dev.lock "
"""make, with the tools of the tests instead of an installation."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fenced block, its language, and the paragraph before it."""

    page: str
    line: int
    language: str
    before: str
    text: str

    @property
    def path(self) -> str:
        """The file that the paragraph before the block names last."""
        found = _PATH.findall(self.before)
        assert found, f"{self.page}:{self.line}: the paragraph before the block names no file"
        return str(found[-1])


def steps(page: Path, chapter: str = "") -> Iterator[Step]:
    """Yield the steps of a page, or of one of its chapters, in order."""
    for block in blocks_of(str(page.relative_to(ROOT))):
        if block.language not in ILLUSTRATIONS and block.section == (chapter or block.section):
            yield Step(page.name, block.line, block.language, block.before, block.source)


def follow(step: Step, tree: Path, environment: Mapping[str, str], serve: Callable[[], None]) -> None:
    """Apply a step to the tree; ``serve`` starts the service on the port of the environment."""
    if step.language == "console":
        for command, printed in _commands(step.text):
            if command == "make run":
                serve()
            else:
                _run(step, command, printed, tree, environment)
    elif step.language == "diff":
        _edit(step, tree / step.path)
    else:
        assert "Create" in step.before, f"{step.page}:{step.line}: a block that is neither a step nor an illustration"
        path = tree / step.path
        assert not path.exists(), f"{step.page}:{step.line}: {step.path} exists"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text)


def _edit(step: Step, path: Path) -> None:
    """Replace the lines of the block without its additions by the lines without its deletions; they occur once."""
    lines = [(line[:1] or " ", line[1:]) for line in step.text.splitlines()]
    assert {sign for sign, _ in lines} <= {" ", "+", "-", "@"}, f"{step.page}:{step.line}: not a diff"
    for hunk in _hunks(lines):
        old = "".join(f"{line}\n" for sign, line in hunk if sign != "+")
        new = "".join(f"{line}\n" for sign, line in hunk if sign != "-")
        text = path.read_text()
        count = text.count(old) if text.startswith(old) else text.count("\n" + old)
        assert count == 1, f"{step.page}:{step.line}: {step.path} has these lines {count} times:\n{old}"
        path.write_text(text.replace(old, new, 1) if text.startswith(old) else text.replace("\n" + old, "\n" + new, 1))


def _hunks(lines: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield the parts between lines that begin with @."""
    hunk: list[tuple[str, str]] = []
    for sign, line in lines:
        if sign == "@":
            yield from [hunk] if hunk else []
            hunk = []
        else:
            hunk.append((sign, line))
    yield hunk


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a block, each with its output."""
    for part in re.split(r"(?m)^\$ ", block)[1:]:
        lines = part.splitlines()
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        yield "\n".join(lines[:count]), "\n".join(lines[count:])


def _run(step: Step, command: str, printed: str, tree: Path, environment: Mapping[str, str]) -> None:
    """Run a command, which must succeed and print the output of the page."""
    own = re.sub(r"(?m)^make ", MADE, command).replace("127.0.0.1:8000", f"127.0.0.1:{environment['PORT']}")
    inherited = ("PYTEST_", "MAKE", "MFLAGS")  # below another make, make names the directories that it enters
    environ = {name: value for name, value in os.environ.items() if not name.startswith(inherited)}
    environ |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment}
    done = subprocess.run(
        ["bash", "-ec", own], cwd=tree, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    shown = f"{step.page}:{step.line}: $ {command}\n{done.stdout[-8000:]}"
    assert done.returncode == 0, shown
    assert _matches(printed, done.stdout), f"{shown}\nand the page shows:\n{printed}"


def _matches(shown: str, printed: str) -> bool:
    """Return True if a page shows this output. A line … stands for any lines; inside a line, … is any text."""
    if not shown.strip():
        return True
    wanted = [re.escape(line).replace("…", ".*") if line.strip() != "…" else "(?s:.*)" for line in shown.splitlines()]
    pattern = r"\n".join(wanted).replace(r"\n(?s:.*)", "(?s:.*)").replace(r"(?s:.*)\n", "(?s:.*)")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())) is not None
