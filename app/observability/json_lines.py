"""A line: fields as JSON, in the order they are given, and never longer than a pipe takes in one piece.

Characters that act on a terminal are escapes in it, since logs are read there.
"""

import json
from datetime import datetime
from typing import Any, Final

import orjson

from app.observability.unprintable import escaped_json

LONGEST: Final = 4095
"""Bytes: ``PIPE_BUF`` of Linux, less the line's end. A longer write may end up between others'."""
OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
DEL: Final = b"\x7f"
SHORT: Final = 64
"""What no text is cut below."""


def rendered(fields: dict[str, object]) -> bytes:
    """Return the fields that are not ``None`` as one line of JSON; where they are too long, the longest are cut."""
    present = {name: value for name, value in fields.items() if value is not None}
    line = _dumped(present)
    while len(line) > LONGEST:
        present["truncated"] = True
        longest = max(present, key=lambda name: len(_dumped(present[name])))
        present[longest] = _cut(present[longest])
        line = _dumped(present)
    return line


def _cut(value: object) -> object:
    """Return the half of a value that says more: of a list the end, where causes and innermost frames stand."""
    if isinstance(value, str) and len(value) > SHORT:
        return value[: len(value) // 2]
    if isinstance(value, list) and len(value) > 1:
        return value[len(value) // 2 :]
    return "…"


def _dumped(value: Any) -> bytes:
    try:
        dumped = orjson.dumps(value, default=str, option=OPTIONS)
    except TypeError:  # a lone surrogate, or an integer of more than 64 bits
        dumped = json.dumps(value, default=_text).encode()
    return dumped if dumped.isascii() and DEL not in dumped else escaped_json(dumped.decode()).encode()


def _text(value: object) -> str:
    """Return what ``json`` has no form for as text: a time as orjson writes it."""
    return orjson.dumps(value, option=OPTIONS).decode().strip('"') if isinstance(value, datetime) else str(value)
