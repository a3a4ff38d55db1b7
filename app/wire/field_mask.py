"""Field masks of requests: ``?update_mask=title,tags`` and ``?fields=name,title`` (AIP-161, C19)."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from app import errs
from app.wire.filter_lexer import excerpt

MAX_NAMED: Final = 101
"""Rejected paths that are reported: one more than a problem document lists."""


def parse_mask(
    text: str | None, *, writable: Collection[str], present: Collection[str], parameter: str = "update_mask"
) -> tuple[str, ...]:
    """Return the properties to write, in the order of ``writable``: from the mask, otherwise from the body.

    Raises:
        errs.requests.ValidationFailed: the mask is empty, or contains a property that is not writable.
    """
    named = present if text is None else _named(text, writable, parameter)
    return tuple(member for member in writable if member in named)


def parse_fields(text: str | None, *, readable: Sequence[str], parameter: str = "fields") -> tuple[str, ...] | None:
    """Return the properties of the response, in the order of ``readable``; ``None`` means all.

    Raises:
        errs.requests.ValidationFailed: the list is empty, or contains an unknown property.
    """
    if text is None:
        return None
    named = _named(text, readable, parameter)
    return tuple(member for member in readable if member in named)


def _named(text: str, allowed: Collection[str], parameter: str) -> Collection[str]:
    """Return the distinct paths of a comma-separated list, after checking that all are allowed."""
    named = dict.fromkeys(path.strip(" ") for path in text.split(","))
    rejected = (path for path in named if path not in allowed)
    violations = tuple(_violation(path, allowed, parameter) for path in islice(rejected, MAX_NAMED))
    if violations:
        raise errs.requests.ValidationFailed(violations=violations)
    return named


def _violation(path: str, allowed: Collection[str], parameter: str) -> errs.Violation:
    fault = f"must not contain '{excerpt(path)}'" if path else "has an empty path"
    message = f"{parameter} {fault}. Allowed: {', '.join(allowed)}"
    return errs.Violation(parameter, "INVALID_VALUE", message, parameter=parameter)
