"""The fields of log entries about errors: error context without values that the client sent."""

from collections.abc import Sequence
from http import HTTPMethod
from typing import Final

from app import errs

METHODS: Final = frozenset(HTTPMethod)


def method(sent: object) -> object:
    """Return the method if an RFC defines it, or ``other``; an unknown method may be a part of a misparsed body."""
    return sent if sent is None or sent in METHODS else "other"


def place(violation: errs.Violation) -> str:
    """Return the place of a violation without the caller's text: names of unknown fields and parameters are left
    out.
    """
    if not violation.code.startswith("UNKNOWN"):
        return violation.field
    return ".".join([*violation.field.split(".")[:-1], "…"])


def items_by_code(failed: Sequence[tuple[int, errs.Error]]) -> dict[str, list[int]] | None:
    """Return the indexes of failed items by error code."""
    items: dict[str, list[int]] = {}
    for index, error in failed:
        items.setdefault(error.code or errs.public_code(error), []).append(index)
    return items or None


def facts_of(exc: BaseException) -> dict[str, object] | None:
    """Return the context of an error and its causes, without values that the client sent."""
    facts: dict[str, object] = {}
    for link in errs.causes(exc):
        if isinstance(link, errs.Error):
            facts = {**{name: fact for name, fact in link.facts.items() if name not in link.quotes}, **facts}
    return facts or None
