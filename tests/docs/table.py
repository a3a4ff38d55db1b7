"""``blocks.toml``: the blocks that another test executes, that are only compiled, or that are skipped."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT, Block, front_matter

FILE: Final = Path(__file__).with_name("blocks.toml")
REQUIRED: Final = {
    "executed": {"page", "by"},
    "compiled": {"page", "block", "reason"},
    "skipped": {"page", "reason"},
}
OPTIONAL: Final = {"executed": {"block", "language"}, "skipped": {"block", "language"}}


@dataclass(frozen=True)
class Entry:
    """An entry of the table: the treatment of a page or a block."""

    treatment: str
    page: str
    block: str = ""
    language: str = ""
    by: str = ""
    reason: str = ""

    def matches(self, block: Block) -> bool:
        """Return whether the entry is about this block."""
        return (
            fnmatchcase(block.page, self.page)
            and self.block in ("", block.first_line)
            and self.language in ("", block.language)
        )


def entries(file: Path = FILE) -> list[Entry]:
    """Return the entries of the table.

    Raises:
        ValueError: an entry lacks a key, or has an unknown one.
    """
    found = []
    for treatment, tables in tomllib.loads(file.read_text(encoding="utf-8")).items():
        for table in tables:
            if not REQUIRED[treatment] <= table.keys() <= REQUIRED[treatment] | OPTIONAL.get(treatment, set()):
                raise ValueError(f"[[{treatment}]] has {sorted(table)}, and needs {sorted(REQUIRED[treatment])}")
            found.append(Entry(treatment, **table))
    return found


def entries_of(page: str, root: Path = ROOT, file: Path = FILE) -> list[Entry]:
    """Return the entries of a page, that of its front matter (``executed:``) included."""
    found = [entry for entry in entries(file) if fnmatchcase(page, entry.page)]
    if by := front_matter(page, root).get("executed"):
        found.append(Entry("executed", page, by=str(by)))
    return found
