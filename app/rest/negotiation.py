"""Proactive content negotiation (RFC 9110, section 12)."""

from functools import lru_cache
from typing import Final

from app.errs.requests import NotAcceptable
from app.rest import accept
from app.rest.request import Request, current

ANYTHING: Final = "*/*"


def check_accept(request: Request, available: tuple[str, ...]) -> None:
    """Check that Accept allows one of the available types.

    Raises:
        NotAcceptable: Accept excludes all of them.
    """
    field = request.sent("Accept")
    if available and field and field != ANYTHING and not _is_acceptable(accept.shortened(field), available):
        raise NotAcceptable(available=list(available))


def best(available: tuple[str, ...]) -> str:
    """Return the available type that the client prefers, or the first one without a preference."""
    field = current().sent("Accept") or ""
    return max(available, key=lambda each: (accept.weight(field, each), -available.index(each)))


@lru_cache(maxsize=accept.REMEMBERED)
def _is_acceptable(field: str, available: tuple[str, ...]) -> bool:
    return any(accept.weight(field, each) > 0 for each in available)
