"""The fields of log entries about errors: what is known of them, but for what the caller sent."""

from collections.abc import Sequence
from http import HTTPMethod
from typing import Final

from app import errs

METHODS: Final = frozenset(HTTPMethod)


def method(sent: object) -> object:
    """Return the method, unless it is one that somebody made up; it may be a part of a body that lost its head."""
    return sent if sent is None or sent in METHODS else "other"


def place(violation: errs.Violation) -> str:
    """Return where a rule is broken, by names of ours: that of an unknown member or parameter is the caller's."""
    if not violation.code.startswith("UNKNOWN"):
        return violation.field
    return ".".join([*violation.field.split(".")[:-1], "…"])


def items_by_code(failed: Sequence[tuple[int, errs.Error]]) -> dict[str, list[int]] | None:
    """Return the indexes of items that failed, by code."""
    items: dict[str, list[int]] = {}
    for index, error in failed:
        items.setdefault(error.code or errs.public_code(error), []).append(index)
    return items or None


def facts_of(exc: BaseException) -> dict[str, object] | None:
    """Return what an error and its causes know, but for what the caller sent."""
    facts: dict[str, object] = {}
    for link in errs.causes(exc):
        if isinstance(link, errs.Error):
            facts = {**{name: fact for name, fact in link.facts.items() if name not in link.quotes}, **facts}
    return facts or None
