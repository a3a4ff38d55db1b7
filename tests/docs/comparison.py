"""Comparison of a transcript with the output of a command.

JSON is compared as JSON: line breaks and the order of properties don't matter. ``…`` stands for anything: for the rest
of a string, for a value, for further properties of an object, for further items of an array, for lines. Values that
differ in each run (IDs, times, tokens, ETags) need the same form only. The comparison remembers the value that the
service returned for each of them, and puts it into the commands and outputs that follow.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

ELLIPSIS: Final = "…"
VOLATILE: Final = re.compile(
    "|".join(
        (
            r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
            r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z)",
            r'(?P<etag>"[0-9a-f]+-[0-9a-f]+-[0-9a-f]{8}")',
            r"(?P<jwt>eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+)",
            r"(?P<id>\b[0-9a-f]{32}\b)",
            r"(?P<token>(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{28,}(?![\w-]))",
            r"(?P<quota>\br=\d+;t=\d+)",
            r"(?P<wait>(?<=^Retry-After: )\d+$)",
        )
    ),
    re.MULTILINE,
)
"""The forms of values that differ in each run."""
FORMS: Final = {
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z",
    "etag": r'-[0-9a-f]+-[0-9a-f]{8}"',  # after the quote and the version, which must be the same
    "jwt": r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+",
    "id": r"[A-Za-z0-9._-]{8,128}",
    "token": r"[\w-]{20,}",
    "quota": r"r=\d+;t=\d+",
    "wait": r"\d+",
}
KEPT: Final = FORMS.keys() - {"quota", "wait"}
"""The forms whose values the comparison remembers."""
STATUS: Final = re.compile(r"HTTP/[\d.]+ \d{3}")


class Different(AssertionError):
    """The output differs from the transcript."""


@dataclass
class Comparison:
    """Compares the outputs of one page, and remembers which values the service returned."""

    actual: dict[str, str] = field(default_factory=dict)

    def translated(self, text: str) -> str:
        """Return a text with the values of this run in place of those on the page."""
        for shown, value in self.actual.items():
            text = text.replace(shown, value)
        return text

    def output(self, want: str, got: str) -> None:
        """Compare a whole output.

        Raises:
            Different: they differ.
        """
        head, body = _parts(want)
        got_head, got_body = _parts(got)
        try:
            self._lines(head, got_head)
            if body or not head:
                self._body(body, got_body)
        except Different as different:
            raise Different(f"{different}\n--- the page shows\n{want}\n--- the service printed\n{got}") from None

    def _lines(self, want: list[str], got: list[str]) -> None:
        """Compare lines before a body. After a status line, further header fields may be left out."""
        partial = any(STATUS.match(line) for line in want)
        place = 0
        for line in want:
            if line.strip() == ELLIPSIS:
                partial = True
                continue
            found = next((n for n in range(place, len(got)) if self._text(line, got[n])), None)
            if found is None or (found != place and not partial):
                raise Different(f"not printed, or not in this order: {line!r}")
            place = found + 1
        if place < len(got) and not partial:
            raise Different(f"the page lacks {got[place]!r}")

    def _body(self, want: str, got: str) -> None:
        try:
            wanted = _documents(want)
        except ValueError:
            if not self._text(want.strip(), got.strip()):
                raise Different("the text differs") from None
            return
        try:
            found = _documents(got)
        except ValueError:
            raise Different("the page shows JSON, and the output is not JSON") from None
        self._json(wanted, found, "$")

    def _json(self, want: Any, got: Any, path: str) -> None:
        if want == ELLIPSIS:
            return
        if isinstance(want, dict) and isinstance(got, dict):
            self._object(want, got, path)
        elif isinstance(want, list) and isinstance(got, list):
            self._array(want, got, path)
        elif isinstance(want, str) and isinstance(got, str):
            if not self._text(want, got):
                raise Different(f"{path} is {got!r}")
        elif want != got or type(want) is not type(got):
            raise Different(f"{path} is {got!r}")

    def _object(self, want: dict[str, Any], got: dict[str, Any], path: str) -> None:
        shown = want.keys() - {ELLIPSIS}
        if absent := sorted(shown - got.keys()):
            raise Different(f"{path} lacks {', '.join(absent)}")
        if ELLIPSIS not in want and (further := sorted(got.keys() - shown)):
            raise Different(f"{path} has {', '.join(further)} too")
        for name in shown:
            self._json(want[name], got[name], f"{path}.{name}")

    def _array(self, want: list[Any], got: list[Any], path: str) -> None:
        if ELLIPSIS in want:
            place = want.index(ELLIPSIS)
            before, after = want[:place], want[place + 1 :]
            if len(got) < len(before) + len(after):
                raise Different(f"{path} has {len(got)} items")
            want, got = before + after, got[: len(before)] + got[len(got) - len(after) :]
        if len(want) != len(got):
            raise Different(f"{path} has {len(got)} items")
        for number, (one, other) in enumerate(zip(want, got, strict=True)):
            self._json(one, other, f"{path}[{number}]")

    def _text(self, want: str, got: str) -> bool:
        """Compare two texts, and remember the values of this run."""
        want = self.translated(want)
        shown: list[str] = []
        pattern = ""
        place = 0
        for match in VOLATILE.finditer(want):
            pattern += _literal(want[place : match.start()])
            if match[0] in self.actual.values():
                pattern += re.escape(match[0])
            elif match[0] in shown:
                pattern += f"(?P=g{shown.index(match[0])})"
            else:
                form = str(match.lastgroup)
                same = re.escape(match[0].partition("-")[0]) if form == "etag" else ""
                pattern += f"(?P<g{len(shown)}>{same}{FORMS[form]})" if form in KEPT else FORMS[form]
                shown += [match[0]] if form in KEPT else []
            place = match.end()
        found = re.fullmatch(pattern + _literal(want[place:]), got, re.DOTALL)
        if found:
            self.actual |= dict(zip(shown, found.groups(), strict=True))
        return bool(found)


def _literal(text: str) -> str:
    return ".*".join(map(re.escape, text.split(ELLIPSIS)))


def _parts(text: str) -> tuple[list[str], str]:
    """Return the lines before the body, and the body: what follows an empty line, or begins with a brace."""
    lines = text.splitlines()
    if not STATUS.match(text) and not text.lstrip().startswith(("{", "[")):
        return [line.rstrip() for line in lines if line.strip()], ""
    for number, line in enumerate(lines):
        if line.startswith(("{", "[")) or (not line.strip() and not _more_headers(lines[number + 1 :])):
            return [each.rstrip() for each in lines[:number] if each.strip()], "\n".join(lines[number:]).strip()
    return [line.rstrip() for line in lines if line.strip()], ""


def _more_headers(lines: list[str]) -> bool:
    """Return whether another response follows directly: the one before has no body."""
    return bool(lines) and bool(STATUS.match(lines[0]))


def _documents(text: str) -> list[Any]:
    """Return the JSON documents of a text in order.

    Raises:
        ValueError: the text contains something different.
    """
    decoder, rest, found = json.JSONDecoder(), marked(text).strip(), []
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def marked(text: str) -> str:
    """Return JSON whose bare ``…`` are strings, or properties of that name within objects."""
    result, nesting, expects_name = "", "", False
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|…|.', text, re.DOTALL):
        token = match[0]
        if token in "{[":
            nesting += token
        elif token in "}]":
            nesting = nesting[:-1]
        if token == ELLIPSIS:
            token = '"…": "…"' if nesting.endswith("{") and expects_name else '"…"'
        if not token.isspace():
            expects_name = token in "{,"
        result += token
    return result
