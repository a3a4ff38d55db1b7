"""Refuses what the server lets pass though it is no HTTP request: whom and what it asks for cannot be told.

Below recovery, and above everything that looks at the target (C9a: malformed HTTP comes first).
"""

import re
from typing import Final

from flask import Flask, request

from app.errs.requests import MalformedRequest

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::([0-9]{0,5}))?")
"""RFC 9110, section 7.2; it may be empty, for a target that has no authority."""
_HIGHEST_PORT: Final = 65535


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_check_target)


def _check_target() -> None:
    """Go on when there is one host, and no fragment (RFC 9112, section 3.2).

    Raises:
        MalformedRequest: otherwise.
    """
    host = request.environ.get("HTTP_HOST")
    if host is None:
        if request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            raise MalformedRequest(detail="no Host")
    elif not (found := _HOST.fullmatch(host)) or int(found[1] or 0) > _HIGHEST_PORT:
        raise MalformedRequest(detail="Host is none")
    if "#" in request.environ.get("RAW_URI", ""):
        raise MalformedRequest(detail="the target has a fragment")
