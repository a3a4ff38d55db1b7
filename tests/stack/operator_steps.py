"""The steps of a page of ``docs/operate``: its console blocks, split into commands and their expected output."""

import re
import subprocess
from dataclasses import dataclass
from typing import Final

from tests.docs.pages import blocks_of

_PROMPT: Final = re.compile(r"^[#$] ", re.MULTILINE)
_VARIABLE: Final = re.compile(
    r"…|\b00[0-9]{2}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<=-)[0-9a-f]{13}(?=-)"
)
"""In expected output: anything, the number of a migration, an id, and the time in an entity tag."""


@dataclass(frozen=True)
class Step:
    """A command, and the lines that it prints according to the page."""

    command: str
    expected: tuple[str, ...] = ()

    def missing_from(self, printed: str) -> list[str]:
        """Return the expected lines that were not printed."""
        lines = [line.strip() for line in printed.splitlines()]
        return [line for line in self.expected if not any(_pattern(line).fullmatch(each) for each in lines)]


def _pattern(line: str) -> re.Pattern[str]:
    parts, end = list[str](), 0
    for found in _VARIABLE.finditer(line):
        stands_for = {1: ".*", 4: "[0-9]{4}", 13: "[0-9a-f]{13}"}.get(len(found[0]), "[0-9a-f-]{36}")
        parts += [re.escape(line[end : found.start()]), stands_for]
        end = found.end()
    return re.compile("".join(parts) + re.escape(line[end:]))


def steps(page: str, heading: str) -> list[Step]:
    """Return the steps below a heading of a page.

    Raises:
        ValueError: there is no such heading, or it has no steps.
    """
    blocks = [block for block in blocks_of(f"docs/operate/{page}.md") if block.language == "console"]
    listed = [step for block in blocks if block.section == heading for step in _split(block.source)]
    if not listed:
        raise ValueError(f"docs/operate/{page}.md has no steps below {heading!r}")
    return listed


def _split(block: str) -> list[Step]:
    made = []
    for text in _PROMPT.split(block)[1:]:
        lines, count = text.rstrip("\n").split("\n"), 1
        while count < len(lines) and not _is_complete("\n".join(lines[:count])):
            count += 1
        expected = tuple(line.strip() for line in lines[count:] if line.strip())
        made.append(Step("\n".join(lines[:count]), expected))
    return made


def _is_complete(command: str) -> bool:
    if command.endswith("\\"):
        return False
    return subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True, check=False).returncode == 0
