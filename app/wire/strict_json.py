"""Strict JSON, as RFC 8259 and I-JSON (RFC 7493) have it, in two phases.

The first is the C scanner of the standard library, told to refuse what it would otherwise let pass; before it makes a
value of a large body, orjson looks through that. Only when the first phase refuses does the second,
:mod:`app.wire.json_locator`, walk the body to find the byte and the reason. Both always agree on whether a body is fit.
"""

import json
from math import isinf
from typing import Any, Final, NoReturn

import orjson

from app import errs
from app.wire.json_estimate import Unfit, estimate
from app.wire.json_locator import MAX_DEPTH, Unfinished, are_escapes_fit, locate

LARGE: Final = 4096
"""Bytes from which on a body is looked through first: of one that is not JSON, no value is made."""
_BLANKS: Final = b" \t\n\r"
_SAFE_DIGITS: Final = 308
_CONTAINERS: Final = frozenset({dict, list})
_NEVER_JSON: Final = b"\x01"


def loads(body: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        errs.requests.EmptyBody: there is nothing but white space.
        errs.requests.MalformedJson: it is not strict JSON; ``position`` counts bytes from 1. It is exact unless the
            body is large: then the first syntax error is pointed at, whatever else comes before it, and a message says
            so where the place itself is not known.
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
        raise Unfit("Half of a surrogate pair is not allowed")
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise Unfit(f"Nesting deeper than {MAX_DEPTH} is not allowed")
    return value


def _decoder(body: bytes) -> json.JSONDecoder:
    """Return what decodes a body, after having looked through a large one.

    orjson looks through a text before it makes a value, and finds every number that is not finite on its way. It makes
    none here, since behind the text stands what is not JSON.

    Raises:
        orjson.JSONDecodeError: there is something else in it that is not JSON.
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
    """Tell whether containers are nested deeper than the limit, looking at one level after the other."""
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
        raise Unfit("A member name is repeated")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _SAFE_DIGITS:
        _real(digits)
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise Unfit("A number this large is not allowed")
    return number


def _reject(_constant: str) -> NoReturn:
    raise Unfit("NaN and Infinity are not allowed")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_real, parse_constant=_reject
)
_OF_FINITE: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_reject)
"""Decodes what has no number that is not finite."""
