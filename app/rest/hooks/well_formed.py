"""Refuses what the server lets pass though it is no HTTP request of which we could tell what it asks for, and of whom.

``rest.hooks.routing`` calls it before it looks at the target (C9a: malformed HTTP comes first).
"""

import re
from typing import Final

from app.errs.requests import MalformedRequest
from app.rest.request import Request

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::([0-9]{0,5}))?")
"""RFC 9110, section 7.2; it may be empty, for a target that has no authority."""
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_HIGHEST_PORT: Final = 65535


def check(request: Request) -> None:
    """Go on when there is one host, no fragment, and no transfer coding but the one that the server decodes.

    Raises:
        MalformedRequest: otherwise (RFC 9112, sections 3.2 and 6.1).
    """
    host, target = request.environ.get("HTTP_HOST"), request.environ.get("RAW_URI", "")
    if host is None:
        if request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            raise MalformedRequest(detail="no Host")
    elif not _is_authority(host):
        raise MalformedRequest(detail="Host is none")
    if (absolute := _ABSOLUTE.match(target)) and not _is_authority(absolute[1]):
        raise MalformedRequest(detail="the target has no host, or says whose it is")
    if "#" in target:
        raise MalformedRequest(detail="the target has a fragment")
    if (coding := request.sent("Transfer-Encoding")) is not None and coding.lower() != "chunked":
        raise MalformedRequest(detail="a transfer coding that is not decoded")


def _is_authority(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and int(found[1] or 0) <= _HIGHEST_PORT
