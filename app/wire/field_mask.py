"""Which members a request is about: ``?update_mask=title,tags`` and ``?fields=name,title`` (AIP-161, C19)."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from app import errs
from app.wire.filter_lexer import excerpt

MAX_NAMED: Final = 101
"""Paths that are spoken of: one more than a problem document lists."""


def parse_mask(
    text: str | None, *, writable: Collection[str], present: Collection[str], parameter: str = "update_mask"
) -> tuple[str, ...]:
    """Return the members to write, in the order of ``writable``: those named, else those present in the body.

    Raises:
        errs.requests.ValidationFailed: the mask is empty, or names what cannot be written.
    """
    named = present if text is None else _named(text, writable, parameter)
    return tuple(member for member in writable if member in named)


def parse_fields(text: str | None, *, readable: Sequence[str], parameter: str = "fields") -> tuple[str, ...] | None:
    """Return the members to answer with, in the order of ``readable``; ``None`` asks for all.

    Raises:
        errs.requests.ValidationFailed: the list is empty, or names what is not there.
    """
    if text is None:
        return None
    named = _named(text, readable, parameter)
    return tuple(member for member in readable if member in named)


def _named(text: str, allowed: Collection[str], parameter: str) -> Collection[str]:
    """Return the distinct paths of a comma-separated list, every one of which is allowed."""
    named = dict.fromkeys(path.strip(" ") for path in text.split(","))
    rejected = (path for path in named if path not in allowed)
    violations = tuple(_violation(path, allowed, parameter) for path in islice(rejected, MAX_NAMED))
    if violations:
        raise errs.requests.ValidationFailed(violations=violations)
    return named


def _violation(path: str, allowed: Collection[str], parameter: str) -> errs.Violation:
    fault = f"cannot name '{excerpt(path)}'" if path else "has an empty path"
    message = f"{parameter} {fault}; it takes: {', '.join(allowed)}"
    return errs.Violation(parameter, "INVALID_VALUE", message, parameter=parameter)
