"""The strict parser of queries: UTF-8, each parameter once."""

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Final
from urllib.parse import unquote_to_bytes

from app.errs import Violation
from app.rest.request import Request
from app.wire.list_parameters import OPAQUE, illegible, is_legible

LONGEST_NAME: Final = 100


def parse(request: Request, known: Collection[str] = (), lists: Collection[str] = ()) -> dict[str, str | list[str]]:
    """Return the parameters by name. Invalid parameters add violations, one for each name.

    A parameter that is not ``known`` gets no violation here, because the schema rejects it.

    Args:
        request: the request.
        known: the names of the operation's parameters.
        lists: the repeatable parameters among them. Each has a list of its values.
    """
    if not request.query_string:
        return {}
    found = _pairs(request)
    if not lists:
        return {
            name: value for name, values in found.items() if (value := _only(request, name, values, known)) is not None
        }
    read: dict[str, str | list[str]] = {}
    for name, values in found.items():
        each = _every(request, name, values) if name in lists else _only(request, name, values, known)
        if each is not None:
            read[name] = each
    return read


def given(request: Request) -> list[tuple[str, str | list[str] | None]]:
    """Return all parameters, sorted by name. A repeated parameter has all its values."""
    return [
        (name, values[0] if len(values) == 1 else [value or "" for value in values])
        for name, values in sorted(_pairs(request).items(), key=itemgetter(0))
    ]


def _pairs(request: Request) -> dict[str, list[str | None]]:
    """Return the values of each parameter in their order, with ``None`` for an invalid text."""
    found: dict[str, list[str | None]] = {}
    for pair in filter(None, request.query_string.split(b"&")):
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if name in OPAQUE and value is None:
            value = raw_value.decode("latin-1")  # an invalid token, which gets the same error as any other
        found.setdefault("query" if name is None else name, []).append(None if name is None else value)
    return found


def _every(request: Request, name: str, values: list[str | None]) -> list[str] | None:
    """Return the values of a repeatable parameter, or ``None`` if one is rejected."""
    texts = [value for value in values if value is not None]
    if len(texts) == len(values):
        return texts
    _reject(request, illegible(name[:LONGEST_NAME]))
    return None


def _only(request: Request, name: str, values: list[str | None], known: Collection[str]) -> str | None:
    """Return the value of a parameter, or ``None`` if it is rejected."""
    if None in values:
        _reject(request, illegible(name[:LONGEST_NAME]))
    elif len(values) > 1 and name in known:
        _reject(request, Violation(name, "INVALID_VALUE", f"{name} must be sent once", parameter=name))
    else:
        return values[0]
    return None


def _reject(request: Request, violation: Violation) -> None:
    if violation not in request.violations:
        request.violations.append(violation)


def _text(raw: bytes) -> str | None:
    """Return the decoded text, or ``None`` if it is not UTF-8 or has control characters."""
    try:
        text = (unquote_to_bytes(raw.replace(b"+", b" ")) if b"%" in raw or b"+" in raw else raw).decode()
    except UnicodeDecodeError:
        return None
    return text if is_legible(text) else None


def in_order(violations: Collection[Violation], parameters: Sequence[str]) -> tuple[Violation, ...]:
    """Return violations sorted: query parameters in their order, header fields by name, then the body."""

    def place(each: Violation) -> tuple[int, int, str]:
        if each.parameter is not None:
            at = parameters.index(each.parameter) if each.parameter in parameters else len(parameters)
            return 0, at, each.parameter
        return (2, 0, "") if each.header is None else (1, 0, each.header)

    return tuple(sorted(violations, key=place))
