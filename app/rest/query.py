"""The query of a request, read strictly: UTF-8, each parameter once."""

from typing import Final
from urllib.parse import unquote_to_bytes

from flask import g, request

from app.errs import Violation

LONGEST_NAME: Final = 100
OPAQUE: Final = frozenset({"page_token"})
"""Parameters whose every spelling has an answer of its own."""


def parse() -> dict[str, str]:
    """Return the parameters by name; what cannot be read joins the request's violations."""
    found: dict[str, str] = {}
    for pair in filter(None, request.query_string.split(b"&")):
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if name in OPAQUE and value is None:
            value = raw_value.decode("latin-1")  # none of ours, and told so like any other
        if name is None or value is None:
            _refuse(name or "query", "INVALID_FORMAT", "must be UTF-8 without control characters")
        elif name in found:
            _refuse(name, "INVALID_VALUE", "must be given once")
        else:
            found[name] = value
    return found


def _refuse(name: str, code: str, says: str) -> None:
    name = name[:LONGEST_NAME]
    violation = Violation(name, code, f"{name} {says}", parameter=name)
    if violation not in g.violations:
        g.violations.append(violation)


def _text(raw: bytes) -> str | None:
    """Return the decoded text; ``None`` when it is no UTF-8 or has control characters."""
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None
    return None if any(character < " " or character == "\x7f" for character in text) else text
