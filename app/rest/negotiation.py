"""Proactive negotiation (RFC 9110, section 12): may we answer in what we have?"""

from flask import request

from app.errs.requests import NotAcceptable


def check_accept(available: tuple[str, ...]) -> None:
    """Go on when Accept allows one of the available types.

    Raises:
        NotAcceptable: it excludes them all.
    """
    if available and "Accept" in request.headers:
        accepted = request.accept_mimetypes
        if accepted and not any(accepted.quality(each) > 0 for each in available):
            raise NotAcceptable(available=list(available))


def best(available: tuple[str, ...]) -> str:
    """Return the available type that the client likes best; the first when it does not care."""
    accepted = request.accept_mimetypes
    return (
        max(available, key=lambda each: (accepted.quality(each), -available.index(each))) if accepted else available[0]
    )
