"""Targets of links in the documentation exist: files, anchors, and pages that code mentions. Nothing is fetched."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs import language
from tests.docs.generate.markdown import anchor

PAGES = [path for path in language.tracked() if path.suffix == ".md" and "template" not in path.as_posix()]
MENTIONED = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.md)\b(?:#([\w-]+))?")
ABSOLUTE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
TEXT = frozenset(
    {".py", ".toml", ".yml", ".conf", ".sh", ".txt", ".html", ".proto", ".service", ".ini", ".example", ""}
)
MYST = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)


def _tokens(path: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((language.TREE / path).read_text(encoding="utf-8"))


def _links(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the links and images of a page with their lines."""
    line = 0
    for token in _tokens(path):
        line = token.map[0] + 1 if token.map else line
        for child in token.children or ():
            if target := child.attrGet("href") or child.attrGet("src"):
                yield line, str(target)


@cache
def _anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a page: those of its headings, as forges and MyST make them."""
    found: Counter[str] = Counter()
    names: set[str] = set()
    tokens = _tokens(path)
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(each.content for each in inline.children or () if each.type in {"text", "code_inline"})
            name = anchor(text)
            names.add(f"{name}-{found[name]}" if found[name] else name)
            found[name] += 1
    text = (language.TREE / path).read_text(encoding="utf-8")
    return frozenset(names | set(MYST.findall(text)) | set(re.findall(r'<a (?:id|name)="([^"]+)"', text)))


def _fault(page: Path, target: str) -> str:
    """Return the fault of a link, or an empty string."""
    name, _, fragment = target.partition("#")
    path = ((language.TREE / page).parent / name).resolve() if name else language.TREE / page
    if not path.exists() or not path.is_relative_to(language.TREE):
        return f"{target} does not exist"
    if fragment and path.suffix == ".md" and fragment not in _anchors(path.relative_to(language.TREE)):
        return f"{target}: the page has no such heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_and_anchor_of_a_page_exists(page: Path) -> None:
    relative = [(line, target) for line, target in _links(page) if not ABSOLUTE.match(target) and target[:2] != "//"]
    faults = [f"{page}:{line}: {fault}" for line, target in relative if (fault := _fault(page, target))]
    assert not faults, "\n".join(faults)


def test_every_page_that_code_mentions_exists() -> None:
    faults = []
    for path in language.tracked():
        if path.suffix in TEXT and path.parts[0] != "forks" and path.parts[:2] != ("tests", "docs"):
            text = (language.TREE / path).read_text(encoding="utf-8", errors="ignore")
            for name, fragment in MENTIONED.findall(text):
                page = Path(name)
                if not (language.TREE / page).exists():
                    faults.append(f"{path}: {name} does not exist")
                elif fragment and fragment not in _anchors(page):
                    faults.append(f"{path}: {name} has no heading #{fragment}")
    assert not faults, "\n".join(faults)


def test_a_broken_link_is_found() -> None:
    """The check itself works: a missing file, a missing heading, and one that is there."""
    page = Path("docs/index.md")
    assert _fault(page, "reference/nothing.md")
    assert _fault(page, "reference/errors.md#nothing")
    assert not _fault(page, "reference/errors.md#task_not_found")
