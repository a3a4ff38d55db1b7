"""Strict JSON, as RFC 8259 and I-JSON (RFC 7493) have it, in two phases.

The first is the C scanner of the standard library, told to refuse what it would otherwise let pass. Only when it
refuses does the second, :mod:`app.wire.json_locator`, walk the body to find the byte and the reason. Both always agree
on whether a body is fit.
"""

import json
import re
from math import isinf
from typing import Final, NoReturn

from app import errs
from app.wire.json_locator import FIT_CHARACTERS, MAX_DEPTH, locate

_BLANKS: Final = b" \t\n\r"
_SAFE_DIGITS: Final = 308
_FIT_TEXT: Final = re.compile(f'[^"]*(?:"{FIT_CHARACTERS}"[^"]*)*')


def loads(body: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        errs.requests.EmptyBody: there is nothing but white space.
        errs.requests.MalformedJson: it is not strict JSON; ``position`` counts bytes from 1.
    """
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        if not body.strip(_BLANKS):
            raise errs.requests.EmptyBody from None
        defect = locate(body)
        if defect is None:
            raise
    raise errs.requests.MalformedJson(reason=defect.reason, position=defect.position)


def _decode(body: bytes) -> object:
    text = body.decode()
    value: object = _DECODER.decode(text)
    if "\\u" in text and not _FIT_TEXT.fullmatch(text):
        raise ValueError("half of a surrogate pair")
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise ValueError("nested too deep")
    return value


def _is_deeper(value: object, limit: int) -> bool:
    """Tell whether containers are nested deeper than the limit, looking at one level after the other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name is repeated")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _SAFE_DIGITS:
        _real(digits)
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError("not a finite binary64 number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_real, parse_constant=_refuse
)
