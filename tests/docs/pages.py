"""The pages of the documentation, and their code blocks, which Sybil finds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock
from sybil import Document, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

ROOT: Final = Path(__file__).resolve().parents[2]
FRONT_MATTER: Final = re.compile(r"\A---\n(.*?)^---\n", re.MULTILINE | re.DOTALL)
DIRECTIVE: Final = re.compile(r"\{([\w:-]+)\}\s*(\S*)")
CODE_DIRECTIVES: Final = {"code", "code-block", "sourcecode"}
OPTIONS: Final = re.compile(r"\A(?::[\w-]+:.*\n)+\n?")
_LEXER: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)$\n?", re.MULTILINE))


@dataclass(frozen=True)
class Block:
    """A code block: its page, its first line, the heading of level 2 and the paragraph before it, and its text."""

    page: str
    line: int
    section: str
    before: str
    language: str
    source: str

    @property
    def first_line(self) -> str:
        """Return the first line that is not empty, by which the table in ``blocks.toml`` names the block."""
        return next((line.strip() for line in self.source.splitlines() if line.strip()), "")

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language or 'no language'}) {self.first_line}"


def all_pages(root: Path = ROOT) -> list[str]:
    """Return the paths of all pages, relative to the root."""
    return ["README.md", *sorted(str(path.relative_to(root)) for path in (root / "docs").rglob("*.md"))]


def front_matter(page: str, root: Path = ROOT) -> dict[str, object]:
    """Return the front matter of a page as a dictionary; it is empty without one."""
    found = FRONT_MATTER.match((root / page).read_text(encoding="utf-8"))
    return yaml.safe_load(found[1]) or {} if found else {}


def blocks_of(page: str, root: Path = ROOT) -> list[Block]:
    """Return the code blocks of a page in order."""
    document = Document.parse(str(root / page), _code)
    return [example.region.parsed for example in document.examples()]


def _code(document: Document) -> Iterator[Region]:
    for region in _LEXER(document):
        language, source = _language(region.lexemes["info"].strip(), str(region.lexemes["source"]))
        if language is None:
            continue
        line = document.text.count("\n", 0, region.start) + 1
        page = Path(document.path).relative_to(_root_of(Path(document.path)))
        before = document.text[: region.start]
        region.parsed = Block(
            str(page), line, _section(before), before.rstrip().rpartition("\n\n")[2], language, source
        )
        region.evaluator = _unused
        yield region


def _unused(_example: object) -> None:
    """Stand for the evaluator that Sybil requires: test_pages.py evaluates the blocks of a page in one test."""


def _root_of(page: Path) -> Path:
    return (
        page.parent if page.name == "README.md" else next(each.parent for each in page.parents if each.name == "docs")
    )


def _language(info: str, source: str) -> tuple[str | None, str]:
    """Return language and source of a block; of a directive that contains no code, no language."""
    if found := DIRECTIVE.match(info):
        return (found[2], OPTIONS.sub("", source)) if found[1] in CODE_DIRECTIVES else (None, source)
    return info.split(maxsplit=1)[0] if info else "", source


def _section(before: str) -> str:
    found = re.findall(r"^## +(.*?)\s*$", before, re.MULTILINE)
    return str(found[-1]) if found else ""
