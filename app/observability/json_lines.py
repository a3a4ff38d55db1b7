"""A log line: fields as JSON in their given order, short enough for an atomic write to a pipe.

Control characters are escaped, because people read logs on terminals.
"""

import json
from datetime import datetime
from typing import Any, Final

import orjson

from app.observability.unprintable_characters import escaped_json

LONGEST: Final = 4095
"""Bytes: ``PIPE_BUF`` of Linux, less the newline. Longer writes of several processes may be interleaved."""
OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
DEL: Final = b"\x7f"
SHORT: Final = 64
"""The minimum length of a cut text."""


def rendered(fields: dict[str, object]) -> bytes:
    """Return the fields that are not ``None`` as one line of JSON; if it is too long, the longest values are cut."""
    present = {name: value for name, value in fields.items() if value is not None}
    line = _dumped(present)
    while len(line) > LONGEST:
        present["truncated"] = True
        longest = max(present, key=lambda name: len(_dumped(present[name])))
        present[longest] = _cut(present[longest])
        line = _dumped(present)
    return line


def _cut(value: object) -> object:
    """Return the more informative half of a value: of a list the end, which has the root cause and the innermost
    frames.
    """
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
    """Return a value that ``json`` cannot encode as text: a time as orjson writes it."""
    return orjson.dumps(value, option=OPTIONS).decode().strip('"') if isinstance(value, datetime) else str(value)
