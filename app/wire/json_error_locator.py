"""The locator of the first JSON error in a body. It returns the position and a short reason.

Runs only for bodies that :mod:`app.wire.strict_json` rejected. It reads the tokens of RFC 8259 with a table and its own
stack, without recursion. Time and memory are bounded for any body. Beyond the bounds,
:mod:`app.wire.json_error_estimate` estimates the position.
"""

import json
import re
from enum import StrEnum
from math import isinf
from typing import Final, NamedTuple

MAX_DEPTH: Final = 64
MOST_TOKENS: Final = 1024
"""Tokens that are read one by one; each takes 1 to 3 microseconds."""
MOST_CHARACTERS: Final = 32_768
"""Characters after which no further token is read."""
AT_ONCE: Final = 256
"""Repetitions in one match: the matcher of the standard library uses 200 to 1,000 bytes for each until it ends."""

_UNESCAPED: Final = r'[^"\\\x00-\x1f]*'
_ESCAPE: Final = (
    r'\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
FIT_CHARACTERS: Final = f"{_UNESCAPED}(?:{_ESCAPE}{_UNESCAPED}){{0,{AT_ONCE}}}"
"""The characters of a string: no unescaped control character, and no lone surrogate, escaped or not.

An escaped NUL is JSON (RFC 8259, section 7); :mod:`app.wire.invalid_text` reports it as a violation of its property.

Each pattern in this module matches a text in one way only, to avoid backtracking. Possessive quantifiers express this,
but do not work before Python 3.11.5 (gh-106052).
"""


class Defect(NamedTuple):
    """The reason of a JSON error and its position in bytes, counted from 1."""

    reason: str
    position: int


class Expect(StrEnum):
    """The expected next token. The value is the reason if another token follows."""

    VALUE = "A value is expected"
    FIRST_VALUE = "A value or ] is expected"
    NAME = "A property name is expected"
    FIRST_NAME = "A property name or } is expected"
    COLON = "A colon is expected"
    MORE_VALUES = "A comma or ] is expected"
    MORE_MEMBERS = "A comma or } is expected"
    END = "The end of the body is expected"


_VALUE_STARTS: Final = {
    "string": Expect.END,
    "number": Expect.END,
    "word": Expect.END,
    "[": Expect.FIRST_VALUE,
    "{": Expect.FIRST_NAME,
}
_NEXT: Final[dict[Expect, dict[str, Expect]]] = {
    Expect.VALUE: _VALUE_STARTS,
    Expect.FIRST_VALUE: {**_VALUE_STARTS, "]": Expect.END},
    Expect.NAME: {"string": Expect.COLON},
    Expect.FIRST_NAME: {"string": Expect.COLON, "}": Expect.END},
    Expect.COLON: {":": Expect.VALUE},
    Expect.MORE_VALUES: {",": Expect.VALUE, "]": Expect.END},
    Expect.MORE_MEMBERS: {",": Expect.NAME, "}": Expect.END},
    Expect.END: {},
}
"""``END`` is the end of a value. The innermost open container determines the next token."""
_OF_VALUES: Final = frozenset({Expect.FIRST_VALUE, Expect.VALUE})
_OF_NAMES: Final = frozenset({Expect.FIRST_NAME, Expect.NAME})
_OF_MANY: Final = _OF_VALUES | _OF_NAMES
_NOTED: Final = frozenset({"[", "{", "]", "}", "number"})

_NUL: Final = "A NUL character is not allowed"

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
"""Matched separately: a longer pattern would backtrack at each blank."""
_DIGITS: Final = r"[0-9]+(?![0-9])"
_TOKEN: Final = re.compile(
    r"(?:(?P<mark>[\[\]{},:])"
    rf'|(?P<string>"{FIT_CHARACTERS}")'
    rf"|(?P<number>-?(?:0|(?=[1-9]){_DIGITS})(?:\.{_DIGITS})?(?:[eE][+-]?{_DIGITS})?(?![.eE]))"
    r"|(?P<word>true|false|null))"
)

_BLANK: Final = r"[ \t\n\r]{0,32}"
_PLAIN_VALUE: Final = (
    rf'(?:"{_UNESCAPED}"|true|false|null|\[{_BLANK}\]|\{{{_BLANK}\}}'
    r"|-?(?:0|[1-9][0-9]{0,199})(?:\.[0-9]{1,200})?(?:[eE][+-]?[0-9]{1,2})?)"
)
"""A value that is valid if its pattern matches; no number in it is too large. All repetitions in it are bounded,
because without a following comma the matcher backtracks step by step."""
_TIMES: Final = f"{{1,{AT_ONCE}}}"
_PLAIN_VALUES: Final = re.compile(rf"(?:{_BLANK}{_PLAIN_VALUE}{_BLANK},){_TIMES}")
_PLAIN_MEMBERS: Final = re.compile(rf'(?:{_BLANK}"{_UNESCAPED}"{_BLANK}:{_BLANK}{_PLAIN_VALUE}{_BLANK},){_TIMES}')
_PLAIN_MEMBER: Final = re.compile(rf'{_BLANK}"({_UNESCAPED})"{_BLANK}:{_BLANK}{_PLAIN_VALUE}{_BLANK},')

_NOT_FINITE: Final = re.compile(r"-?Infinity|NaN")
_NUMBER_BEGUN: Final = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?[0-9]*)?)?")
_WORD_BEGUN: Final = re.compile(r"t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?")
_FIT: Final = re.compile(FIT_CHARACTERS)
_ESCAPES: Final = re.compile(rf"[^\\]*(?:{_ESCAPE}[^\\]*){{0,{AT_ONCE}}}")
_ESCAPE_BEGUN: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,4})?")


class Unfinished(Exception):
    """The bounds are reached without a defect; ``at`` is an index into the text."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no defect before index {at}")
        self.at = at


def locate(body: bytes) -> Defect | None:
    """Return the first defect of a body, or ``None`` if it is strict JSON (RFC 8259, RFC 7493).

    Raises:
        Unfinished: the body is too long for an exact position.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return Defect("Invalid UTF-8", error.start + 1)
    try:
        _Walk(text).to_the_end()
    except _Found as found:
        return Defect(found.reason, len(text[: found.at].encode()) + 1)
    return None


def are_escapes_fit(text: str) -> bool:
    """Return true if all escapes in the strings of a JSON text are accepted characters."""
    at = 0
    while (end := _end(_ESCAPES, text, at)) > at:
        at = end
    return at == len(text)


class _Found(Exception):
    """Stops reading at a defect; ``at`` is an index into the text."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class _Walk:
    """The reader of one text. The stack has the names in each open object, and ``None`` for an open array."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[set[str] | None] = []
        self._is_plain = True

    def to_the_end(self) -> None:
        """Read all tokens.

        Raises:
            _Found: at the first unexpected token.
            Unfinished: there are too many tokens.
        """
        expect, at = Expect.VALUE, 0
        for _ in range(MOST_TOKENS):
            if at > MOST_CHARACTERS:
                raise Unfinished(at)
            if expect in _OF_MANY:
                expect, at = self._past_plain(expect, at)
            token = self._token(at)
            if token is None:
                self._end(expect, at)
                return
            kind, start, at = token
            symbol = self._text[start] if kind == "mark" else kind
            following = _NEXT[expect].get(symbol)
            if following is None:
                raise _Found(expect, start)
            if symbol in _NOTED or following is Expect.COLON:
                self._note(symbol, self._text[start:at], start, is_name=following is Expect.COLON)
            expect = self._after_value() if following is Expect.END else following
        raise Unfinished(at)

    def _token(self, at: int) -> tuple[str, int, int] | None:
        """Return the kind, start and end of the token at this position or after blanks."""
        start = _end(_BLANKS, self._text, at)
        found = _TOKEN.match(self._text, start)
        if found is not None:
            return found.lastgroup or "", start, found.end()
        if self._text[start : start + 1] != '"':
            return None
        end = _past_fit(self._text, start + 1)
        return ("string", start, end + 1) if self._text[end : end + 1] == '"' else None

    def _past_plain(self, expect: Expect, at: int) -> tuple[Expect, int]:
        """Skip plain values or properties that a comma follows, the bulk of a large body, in one step."""
        if not self._open or len(self._open) == MAX_DEPTH:
            return expect, at
        names = self._open[-1]
        if names is None and expect in _OF_VALUES:
            end = _end(_PLAIN_VALUES, self._text, at)
            return (Expect.VALUE, end) if end > at else (expect, at)
        if names is None or expect not in _OF_NAMES or not self._is_plain:
            return expect, at
        end = _end(_PLAIN_MEMBERS, self._text, at)
        passed = _PLAIN_MEMBER.findall(self._text, at, end)
        if len(passed) > len(set(passed)) or not names.isdisjoint(passed):
            self._is_plain = False  # a name is repeated: read the tokens one by one, each only once
            return expect, at
        names.update(passed)
        return (Expect.NAME, end) if passed else (expect, at)

    def _note(self, symbol: str, token: str, start: int, *, is_name: bool) -> None:
        if symbol == "[" or symbol == "{":
            if len(self._open) == MAX_DEPTH:
                raise _Found(f"Nesting deeper than {MAX_DEPTH} is not allowed", start)
            self._open.append(set() if symbol == "{" else None)
        elif symbol == "]" or symbol == "}":
            self._open.pop()
        elif is_name:
            self._note_name(token, start)
        elif symbol == "number" and len(token) <= MOST_CHARACTERS and isinf(float(token)):
            raise _Found("The number is too large", start)

    def _note_name(self, token: str, start: int) -> None:
        name: str = json.loads(token) if "\\" in token else token[1:-1]
        names = self._open[-1]
        if names is None or name in names:
            raise _Found("A property name is repeated", start)
        names.add(name)

    def _after_value(self) -> Expect:
        if not self._open:
            return Expect.END
        return Expect.MORE_VALUES if self._open[-1] is None else Expect.MORE_MEMBERS

    def _end(self, expect: Expect, at: int) -> None:
        at = _end(_BLANKS, self._text, at)
        if expect is not Expect.END or at < len(self._text):
            raise _complaint(self._text, at, expect)


def _complaint(text: str, at: int, expect: Expect) -> _Found:
    """Return the defect at a position without a token, or with an incomplete token."""
    character = text[at : at + 1]
    if character == '"' and "string" in _NEXT[expect]:
        return _broken_string(text, at)
    if "number" in _NEXT[expect]:
        if _NOT_FINITE.match(text, at):
            return _Found("NaN and Infinity are not allowed", at)
        if (end := _end(_NUMBER_BEGUN, text, at)) > at:
            return _Found("A digit is expected", end)
        if (end := _end(_WORD_BEGUN, text, at)) > at:
            return _Found("One of true, false and null is expected", end)
    if character == "\0":
        return _Found(_NUL, at)
    return _Found("A byte order mark is not allowed" if character == "\ufeff" else expect, at)


def _broken_string(text: str, at: int) -> _Found:
    at = _past_fit(text, at + 1)
    character = text[at : at + 1]
    if not character:
        return _Found("A closing quote is expected", at)
    if character != "\\":
        return _Found("A control character must be escaped", at)
    end = _end(_ESCAPE_BEGUN, text, at)
    if end < at + 6:
        return _Found("A JSON escape is expected", end)
    return _Found("A lone surrogate is not allowed", at)


def _past_fit(text: str, at: int) -> int:
    """Return the index after the last valid character of a string.

    Raises:
        Unfinished: there are too many characters, including escapes.
    """
    begin = at
    while (end := _end(_FIT, text, at)) > at:
        if end - begin > MOST_CHARACTERS and text[end : end + 1] == "\\":
            raise Unfinished(end)
        at = end
    return at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
