"""Rejects requests with an ambiguous target, host or transfer coding that the server accepts.

``rest.hooks.initial_checks`` calls it before routing (C9a: malformed HTTP comes first).
"""

import re
from typing import Final

from app.errs.requests import MalformedRequest
from app.rest.request import Request

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::([0-9]{0,5}))?")
"""RFC 9110, section 7.2. It can be empty for a target without an authority."""
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_HIGHEST_PORT: Final = 65535


def check(request: Request) -> None:
    """Accept a request with one host, no fragment, and no transfer coding except chunked.

    Raises:
        MalformedRequest: any other request (RFC 9112, sections 3.2 and 6.1).
    """
    host, target = request.environ.get("HTTP_HOST"), request.environ.get("RAW_URI", "")
    if host is None:
        if request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            raise MalformedRequest(detail="no Host")
    elif not is_authority(host):
        raise MalformedRequest(detail="Host is invalid")
    if (absolute := _ABSOLUTE.match(target)) and not is_authority(absolute[1]):
        raise MalformedRequest(detail="the target has an invalid host, or contains credentials")
    if "#" in target:
        raise MalformedRequest(detail="the target has a fragment")
    if (coding := request.sent("Transfer-Encoding")) is not None and coding.lower() != "chunked":
        raise MalformedRequest(detail="the transfer coding is not supported")


def is_authority(text: str) -> bool:
    """Return True if the text is a valid Host field: a name or an address, and a port."""
    found = _HOST.fullmatch(text)
    return found is not None and int(found[1] or 0) <= _HIGHEST_PORT
