"""The lexer of filters and orders. It reads a query parameter from left to right and locates the first error."""

import re
from collections.abc import Iterable
from typing import Final

from app import errs

Rejection = errs.lists.InvalidFilter | errs.lists.InvalidOrderBy

UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
WORD: Final = re.compile(r"[\w.-]+")

_EXCERPT: Final = 40
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_TOKEN: Final = re.compile(r"""[\w.:+-]+|[=!<>~:]+|"[^"]*"?|'[^']*'?|.""", re.DOTALL)


def excerpt(text: str) -> str:
    """Return the first characters of a caller's text, without unprintable characters, for an error message."""
    return UNPRINTABLE.sub("\ufffd", text[:_EXCERPT])


class FilterLexer:
    """A position in a text: ``at`` is the index of a token or of the end. Blanks are skipped."""

    def __init__(self, text: str, *, param: str, rejection: type[Rejection]) -> None:
        self._text = text
        self._param = param
        self._rejection = rejection
        self.at = 0
        self.take("")

    def is_at_end(self) -> bool:
        """Return true if the whole text is read."""
        return self.at == len(self._text)

    def peek(self, pattern: re.Pattern[str]) -> str:
        """Return the match at this position without taking it, or an empty string."""
        found = pattern.match(self._text, self.at)
        return "" if found is None else found[0]

    def take(self, token: str) -> None:
        """Move past a token from ``peek`` and the blanks after it."""
        self.at += len(token)
        self.at += len(self.peek(_BLANKS))

    def reject(self, reason: str, allowed: Iterable[str], *, token: str = "", at: int | None = None) -> Rejection:
        """Return the error with the token at this or another index, and with the allowed tokens."""
        at = self.at if at is None else at
        found = _TOKEN.match(self._text, at)
        token = token or (found[0] if found else f"end of {self._param}")
        return self._rejection(
            param=self._param, reason=reason, token=excerpt(token), position=at + 1, allowed=list(allowed)
        )
