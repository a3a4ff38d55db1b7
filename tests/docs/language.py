"""The language rules as patterns (language.toml), over the prose of files.

``python -m tests.docs.language PATH…`` prints ``file:line:pattern:text`` for each hit, then the number of hits per
directory and pattern. Without a path it reads the roots of language.toml, checked or not. ``--only NAME`` selects
patterns, ``--kinds docstring,comment`` selects kinds of prose, and ``--counts`` leaves the hits out.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.docs import prose

TREE: Final = Path(__file__).resolve().parents[2]
TABLE: Final = Path(__file__).with_name("language.toml")
DEFAULT: Final = frozenset(prose.KINDS) - {"identifier"}
SHOWN: Final = 60
"""Characters of context on each side of a hit."""


@dataclass(frozen=True)
class Pattern:
    """One rule: its expression, its scope, its exceptions, the reason, and the replacement."""

    name: str
    expression: re.Pattern[str]
    allowed: re.Pattern[str] | None
    kinds: frozenset[str]
    questions: bool
    """Allowed in a sentence that ends with a question mark."""
    why: str
    instead: str
    bad: tuple[str, ...]
    good: tuple[str, ...]

    def hits(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches that the pattern does not allow."""
        free = [found.span() for found in self.allowed.finditer(text)] if self.allowed else []
        for found in self.expression.finditer(text):
            if any(start <= found.start() and found.end() <= end for start, end in free):
                continue
            if self.questions and _is_question(text, found.end()):
                continue
            yield found


@dataclass(frozen=True)
class Root:
    """A directory or file whose language is checked by the tests once ``checked`` is true."""

    path: str
    checked: bool
    kinds: frozenset[str]


@dataclass(frozen=True)
class Hit:
    """A violation of a rule."""

    path: Path
    line: int
    pattern: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.pattern}:{self.text}"


def _is_question(text: str, at: int) -> bool:
    end = re.compile(r"[.!?](?=\s|$)|\n\n").search(text, at)
    return end is not None and end[0] == "?"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return the rules. A space in an expression matches any white space, line breaks included."""
    return tuple(
        Pattern(
            name=entry["name"],
            expression=_compiled(entry["pattern"], case=entry.get("case", False)),
            allowed=_compiled(entry["allowed"]) if "allowed" in entry else None,
            kinds=frozenset(entry.get("kinds", prose.KINDS)),
            questions=entry.get("questions", False),
            why=entry["why"],
            instead=entry["instead"],
            bad=tuple(entry["bad"]),
            good=tuple(entry.get("good", ())),
        )
        for entry in _table()["pattern"]
    )


def _compiled(expression: str, *, case: bool = False) -> re.Pattern[str]:
    return re.compile(expression.replace(" ", r"\s+"), re.NOFLAG if case else re.IGNORECASE)


@cache
def roots() -> tuple[Root, ...]:
    """Return the directories and files with prose, and whether the tests check them."""
    return tuple(
        Root(entry["path"], entry["checked"], frozenset(entry.get("kinds", DEFAULT))) for entry in _table()["root"]
    )


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that git knows or would add, relative to the repository, without generated ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=TREE, capture_output=True, text=True, check=True
    )
    skipped = tuple(_table()["generated"]["paths"])
    return tuple(
        Path(line)
        for line in sorted(listed.stdout.splitlines())
        if not line.startswith(skipped) and (TREE / line).is_file()
    )


def files(path: str) -> list[Path]:
    """Return the tracked files below a path of the repository."""
    inside = Path(path)
    return [file for file in tracked() if path == "." or file == inside or inside in file.parents]


def check(paths: Iterable[Path], kinds: frozenset[str] = DEFAULT, only: Sequence[str] = ()) -> Iterator[Hit]:
    """Yield every hit in the prose of files."""
    rules = [rule for rule in patterns() if not only or rule.name in only]
    for path in paths:
        for piece in prose.of(TREE / path):
            if piece.kind in kinds:
                yield from _hits(path, piece, rules)


def _hits(path: Path, piece: prose.Prose, rules: Iterable[Pattern]) -> Iterator[Hit]:
    for rule in rules:
        if piece.kind in rule.kinds:
            for found in rule.hits(piece.text):
                context = piece.text[max(0, found.start() - SHOWN) : found.end() + SHOWN]
                line = piece.line + piece.text.count("\n", 0, found.start())
                yield Hit(path, line, rule.name, " ".join(context.split()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print hits and counts; exit with 1 when there are hits."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.language", description="Check the language of files.")
    parser.add_argument("paths", nargs="*", help="directories or files of the repository")
    parser.add_argument("--only", action="append", default=[], help="the name of a pattern; repeatable")
    parser.add_argument("--kinds", default=",".join(sorted(DEFAULT)), help=f"kinds of prose: {', '.join(prose.KINDS)}")
    parser.add_argument("--counts", action="store_true", help="print only the counts")
    options = parser.parse_args(arguments)
    named = options.paths or [root.path for root in roots()]
    chosen = [
        file
        for name in named
        for file in files(str(Path(name).resolve().relative_to(TREE)) if Path(name).is_absolute() else name.rstrip("/"))
    ]
    hits = list(check(dict.fromkeys(chosen), frozenset(options.kinds.split(",")), options.only))
    if not options.counts:
        for hit in hits:
            sys.stdout.write(f"{hit}\n")
    for title, counts in (
        (
            "directory",
            Counter("/".join(hit.path.parts[:2]) if len(hit.path.parts) > 1 else hit.path.name for hit in hits),
        ),
        ("pattern", Counter(hit.pattern for hit in hits)),
    ):
        sys.stdout.write(f"\n{title}\n" + "".join(f"{number:6} {name}\n" for name, number in counts.most_common()))
    sys.stdout.write(f"\n{len(hits)} hits in {len(chosen)} files\n")
    return int(bool(hits))


if __name__ == "__main__":
    sys.exit(main())
