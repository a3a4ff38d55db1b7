"""The ID and the trace of a request, as callers send them (C16)."""

import os
import re
from collections.abc import Iterable
from typing import Final

SENT: Final = ("X-Request-Id", "Request-Id", "X-Trace-Id")
BYTES: Final = 16
AT_ONCE: Final = 64
ANSWERED: Final = ("X-Request-Id", "Request-Id")
TRACEPARENT: Final = "Traceparent"
_VALID: Final = re.compile(r"[A-Za-z0-9._-]{8,128}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?"
)
"""W3C Trace Context, section 3.2.4: versions after 00, which has 55 characters, can be longer."""


def chosen(sent: Iterable[str | None]) -> str:
    """Return the first valid ID that was sent, otherwise a new one."""
    for each in sent:
        if each and _VALID.fullmatch(each):
            return each
    return new()


_DRAWN: Final[list[str]] = []
"""IDs for the next requests: one call for random bytes creates several."""
os.register_at_fork(after_in_child=_DRAWN.clear)


def new() -> str:
    """Return a unique ID: 128 random bits."""
    try:
        return _DRAWN.pop()
    except IndexError:
        first, *more = _drawn()
        _DRAWN.extend(more)
        return first


def _drawn() -> list[str]:
    digits = os.urandom(BYTES * AT_ONCE).hex()
    return [digits[at : at + 2 * BYTES] for at in range(0, len(digits), 2 * BYTES)]


def trace_of(traceparent: str) -> str | None:
    """Return the ID of the caller's trace."""
    parent = _TRACEPARENT.fullmatch(traceparent)
    return parent[1] if parent else None
