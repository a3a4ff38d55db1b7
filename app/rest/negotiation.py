"""Proactive negotiation (RFC 9110, section 12): may we answer in what we have?"""

import re
from functools import lru_cache
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from app.errs.requests import NotAcceptable
from app.rest.request import Request, current

ANYTHING: Final = "*/*"
REMEMBERED: Final = 256
"""Values of Accept of which it is known what they allow; clients send few."""
_UTF_8: Final = re.compile(r'\s*;\s*charset="?utf-?8"?', re.IGNORECASE)


def check_accept(request: Request, available: tuple[str, ...]) -> None:
    """Go on when Accept allows one of the available types.

    Raises:
        NotAcceptable: it excludes them all.
    """
    said = request.sent("Accept")
    if available and said and said != ANYTHING and not _is_acceptable(said, available):
        raise NotAcceptable(available=list(available))


def best(available: tuple[str, ...]) -> str:
    """Return the available type that the client likes best; the first when it does not care."""
    accepted = _accepted(current().sent("Accept") or "")
    return (
        max(available, key=lambda each: (accepted.quality(each), -available.index(each))) if accepted else available[0]
    )


@lru_cache(maxsize=REMEMBERED)
def _is_acceptable(said: str, available: tuple[str, ...]) -> bool:
    accepted = _accepted(said)
    return not accepted or any(accepted.quality(each) > 0 for each in available)


def _accepted(said: str) -> MIMEAccept:
    """Return what Accept lists; who asks for UTF-8 asks for what all our types are in."""
    return MIMEAccept([(_UTF_8.sub("", each), quality) for each, quality in parse_accept_header(said, MIMEAccept)])
