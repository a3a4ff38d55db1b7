"""The parser of strict JSON (RFC 8259, and I-JSON, RFC 7493), in two phases.

The first phase is the C scanner of the standard library with stricter hooks. orjson checks a large body before the
scanner decodes it. If the first phase rejects the body, :mod:`app.wire.json_error_locator` finds the byte
and the reason.
Both phases accept the same bodies.
"""

import json
from math import isinf
from typing import Any, Final, NoReturn

import orjson

from app import errs
from app.wire.json_error_estimate import Unfit, estimate
from app.wire.json_error_locator import MAX_DEPTH, Unfinished, are_escapes_fit, locate

LARGE: Final = 4096
"""Bytes from which a body is checked before it is decoded. Invalid JSON is then not decoded."""
_BLANKS: Final = b" \t\n\r"
_SAFE_DIGITS: Final = 308
_CONTAINERS: Final = frozenset({dict, list})
_NEVER_JSON: Final = b"\x01"


def loads(body: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        errs.requests.EmptyBody: the body has only white space.
        errs.requests.MalformedJson: it is not strict JSON; ``position`` counts bytes from 1. It is exact unless the
            body is large. Then it is the position of the first syntax error, even if another defect comes before it. If
            the position is unknown, the message contains the position that it follows.
    """
    message: str | None = None
    try:
        return _decode(body)
    except (ValueError, RecursionError) as cause:
        if not body.strip(_BLANKS):
            raise errs.requests.EmptyBody from None
        try:
            defect = locate(body)
        except Unfinished as walk:
            defect, message = estimate(body.decode(), cause, walk.at)
        if defect is None:
            raise
    facts: dict[str, Any] = {"reason": defect.reason, "position": defect.position}
    raise (
        errs.requests.MalformedJson(**facts)
        if message is None
        else errs.requests.MalformedJson(message=message, **facts)
    )


def _decode(body: bytes) -> object:
    text = body.decode()
    value: object = _decoder(body).decode(text)
    if "\\u" in text and not are_escapes_fit(text):
        raise Unfit("A lone surrogate is not allowed")
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise Unfit(f"Nesting deeper than {MAX_DEPTH} is not allowed")
    return value


def _decoder(body: bytes) -> json.JSONDecoder:
    """Return the decoder of a body, after checking a large body.

    orjson checks a text before it builds values, and finds every number that is not finite. It builds no values here,
    because an invalid byte follows the text.

    Raises:
        orjson.JSONDecodeError: the body is not JSON.
    """
    if len(body) < LARGE:
        return _DECODER
    try:
        orjson.loads(body + _NEVER_JSON)
    except orjson.JSONDecodeError as fault:
        if fault.pos < len(fault.doc) - len(_NEVER_JSON):
            raise
    return _OF_FINITE


def _is_deeper(value: object, limit: int) -> bool:
    """Return true if containers are nested deeper than the limit. It checks one level after the other."""
    level: list[Any] = [value] if type(value) in _CONTAINERS else []
    for _ in range(limit):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unfit("A property name is repeated")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _SAFE_DIGITS:
        _real(digits)
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise Unfit("The number is too large")
    return number


def _reject(_constant: str) -> NoReturn:
    raise Unfit("NaN and Infinity are not allowed")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_real, parse_constant=_reject
)
_OF_FINITE: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_reject)
"""The decoder of bodies whose numbers are all finite."""
