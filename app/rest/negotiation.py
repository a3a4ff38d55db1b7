"""Proactive negotiation (RFC 9110, section 12): may we answer in what we have?"""

import re
from typing import Final

from flask import request
from werkzeug.datastructures import MIMEAccept

from app.errs.requests import NotAcceptable

ANYTHING: Final = "*/*"
_UTF_8: Final = re.compile(r'\s*;\s*charset="?utf-?8"?', re.IGNORECASE)


def check_accept(available: tuple[str, ...]) -> None:
    """Go on when Accept allows one of the available types.

    Raises:
        NotAcceptable: it excludes them all.
    """
    if available and request.headers.get("Accept", ANYTHING) != ANYTHING:
        accepted = _accepted()
        if accepted and not any(accepted.quality(each) > 0 for each in available):
            raise NotAcceptable(available=list(available))


def best(available: tuple[str, ...]) -> str:
    """Return the available type that the client likes best; the first when it does not care."""
    accepted = _accepted()
    return (
        max(available, key=lambda each: (accepted.quality(each), -available.index(each))) if accepted else available[0]
    )


def _accepted() -> MIMEAccept:
    """Return what Accept lists; who asks for UTF-8 asks for what all our types are in."""
    return MIMEAccept([(_UTF_8.sub("", each), quality) for each, quality in request.accept_mimetypes])
