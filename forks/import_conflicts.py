"""Conflicts among imports, whose order has no meaning: each side keeps what it has added, changed and removed."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from forks.git import git

_HUNK: Final = re.compile(
    r"^<{7} [^\n]*\n(?P<ours>.*?)^\|{7} [^\n]*\n(?P<base>.*?)^={7}\n(?P<theirs>.*?)^>{7} [^\n]*\n",
    re.MULTILINE | re.DOTALL,
)
_IMPORT: Final = re.compile(r"(?:from [\w.]+ )?import [\w., ]+(?:  # .*)?\n")
"""An import on a single line."""


def resolve(root: Path, conflicts: Sequence[str]) -> list[str]:
    """Resolve files in which nothing but imports conflicts, and return the others."""
    return [each for each in conflicts if not (each.endswith(".py") and _is_resolved(root, each))]


def _is_resolved(root: Path, name: str) -> bool:
    stages = {line.split()[2] for line in git(root, "ls-files", "--unmerged", "--", name).splitlines()}
    if stages != {"1", "2", "3"}:
        return False  # one side has removed or added the file
    path = root / name
    unresolved = path.read_text()
    git(root, "checkout", "--conflict=diff3", "--", name)
    text = path.read_text()
    hunks = [each.groupdict() for each in _HUNK.finditer(text)]
    if not hunks or not all(
        _IMPORT.fullmatch(line) for each in hunks for side in each.values() for line in _lines(side)
    ):
        path.write_text(unresolved)
        return False
    path.write_text(_HUNK.sub(lambda found: _merged(**found.groupdict()), text))
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--select", "I", "--fix", name]
    subprocess.run(command, cwd=root, check=False, capture_output=True)  # noqa: S603 -- own
    git(root, "add", "--", name)
    return True


def _merged(ours: str, base: str, theirs: str) -> str:
    mine, before, others = map(_lines, (ours, base, theirs))
    kept = [line for line in others if line in mine or line not in before]
    return "".join(kept + [line for line in mine if line not in before and line not in kept])


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
