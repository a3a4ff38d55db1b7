"""Removes a part from files that are not Python: lines, paragraphs, sections and marked blocks."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

BLOCK: Final = r"(?m)^[^\n]*\bpart: (?:[\w, ]*\b)?{part}\b[^\n]*\n(?s:.*?)^[^\n]*\bend of part\b[^\n]*\n"
"""The lines from a comment with ``part: NAME`` to a comment with ``end of part``."""
NOTE: Final = "> **Removed example.**"
"""The beginning of a note in pages whose example is removed."""


def edited(text: str, edit: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return a text after one edit, and the patterns that found nothing.

    The keys of an edit, each a list: ``lines`` (patterns of lines to remove), ``paragraphs`` (patterns of blocks
    between blank lines), ``sections`` (headings of Markdown, removed with their content), ``targets`` (of a
    Makefile), and ``replace`` (pairs of a pattern and its replacement).
    """
    missed = []
    for kind, change in _CHANGES.items():
        for pattern in edit.get(kind, ()):
            before, text = text, change(text, pattern)
            if text == before:
                missed.append(str(pattern))
    return text, missed


def without_blocks(text: str, part: str) -> str:
    """Return a text without the marked blocks of a part."""
    return re.sub(BLOCK.format(part=part), "", text) if "part: " in text else text


def without_links(text: str, gone: Iterable[Path], page: Path) -> str:
    """Return a page of Markdown without links to removed files: rows and entries go, other links become plain text."""
    removed = {_normal(each) for each in gone}

    def is_gone(target: str) -> bool:
        return not target.startswith(("http", "#")) and _normal(page.parent / target.partition("#")[0]) in removed

    lines = []
    for whole in text.split("\n"):
        line = re.sub(r", \[[^\]]+\]\(([^)\s]+)\)", lambda each: "" if is_gone(each[1]) else each[0], whole)
        links = re.findall(r"\]\(([^)\s]+)\)", line)
        if links and all(map(is_gone, links)) and re.match(r"\s*(?:[-*] \[|\| *\[)", line):
            continue
        lines.append(re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", lambda each: each[1] if is_gone(each[2]) else each[0], line))
    return "\n".join(lines)


def with_note(text: str, title: str) -> str:
    """Return a page with a note below its heading: the part that it changes as an example is removed."""
    note = f"\n{NOTE} This page changes {title}, which this repository does not have. Take the same steps elsewhere.\n"
    return re.sub(r"(?m)^# .*\n", lambda heading: heading[0] + note, text, count=1)


def without_entries(text: str, root: Path) -> str:
    """Return ``tests/docs/blocks.toml`` without entries of pages and blocks that are gone.

    A block whose test is gone is skipped instead.
    """
    kept = []
    for paragraph in text.split("\n\n"):
        found = tomllib.loads(paragraph) if paragraph.lstrip().startswith("[[") else {}
        entry: Mapping[str, str] = next(iter(found.values()), [{}])[0]
        if "page" in entry and not any(entry.get("block", "") in page.read_text() for page in root.glob(entry["page"])):
            continue
        if "by" in entry and not (root / entry["by"]).exists():
            reason = f'reason = "executed by a test that was removed, {entry["by"]}"'
            paragraph = re.sub(r"(?m)^by = .*", reason, paragraph.replace("[[executed]]", "[[skipped]]"))  # noqa: PLW2901
        kept.append(paragraph)
    return "\n\n".join(kept).rstrip("\n") + "\n"


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _without_lines(text: str, pattern: str) -> str:
    return re.sub(rf"(?m)^.*(?:{pattern}).*\n", "", text)


def _without_paragraphs(text: str, pattern: str) -> str:
    kept = "\n\n".join(each for each in text.split("\n\n") if not re.search(pattern, each, re.MULTILINE))
    return kept.rstrip("\n") + "\n"


def _without_target(text: str, name: str) -> str:
    without = re.sub(rf"(?m)^{name}: .*\n(?:\t.*\n)*\n?", "", text)
    return re.sub(rf"(?m)^(\.PHONY:.*?) {name}(?= |$)", r"\1", without)


def _without_section(text: str, heading: str) -> str:
    kept, depth, is_code = [], 0, False
    for line in text.splitlines(keepends=True):
        is_code ^= line.lstrip().startswith("```")
        found = None if is_code else re.match(r"(#+) (.*)", line)
        if found and (not depth or len(found[1]) <= depth):
            depth = len(found[1]) if re.fullmatch(heading, found[2]) else 0
        if not depth:
            kept.append(line)
    return "".join(kept).rstrip("\n") + "\n"


def _replaced(text: str, pair: tuple[str, str]) -> str:
    return re.sub(pair[0], pair[1], text)


_CHANGES: Final[Mapping[str, Callable[[str, Any], str]]] = {
    "lines": _without_lines,
    "paragraphs": _without_paragraphs,
    "targets": _without_target,
    "sections": _without_section,
    "replace": _replaced,
}
