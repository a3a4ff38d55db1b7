"""Read a query parameter from left to right, and point at what is not understood. Filter and order share it."""

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
    """Return the first characters of what a caller wrote, fit to be said back to them."""
    return UNPRINTABLE.sub("\ufffd", text[:_EXCERPT])


class FilterLexer:
    """A place in a text: ``at`` is the index of a token or of the end; blanks are passed over."""

    def __init__(self, text: str, *, param: str, rejection: type[Rejection]) -> None:
        self._text = text
        self._param = param
        self._rejection = rejection
        self.at = 0
        self.take("")

    def is_at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self.at == len(self._text)

    def peek(self, pattern: re.Pattern[str]) -> str:
        """Return what matches here, without taking it; an empty string when nothing does."""
        found = pattern.match(self._text, self.at)
        return "" if found is None else found[0]

    def take(self, token: str) -> None:
        """Go past a token that was peeked at, and the blanks behind it."""
        self.at += len(token)
        self.at += len(self.peek(_BLANKS))

    def reject(self, reason: str, allowed: Iterable[str], *, token: str = "", at: int | None = None) -> Rejection:
        """Return the error that names the token here, or at another index, and what is allowed instead."""
        at = self.at if at is None else at
        found = _TOKEN.match(self._text, at)
        token = token or (found[0] if found else f"end of {self._param}")
        return self._rejection(
            param=self._param, reason=reason, token=excerpt(token), position=at + 1, allowed=list(allowed)
        )
