"""What each error looks like, rendered from the fixed facts of its definition; a test holds it against real answers."""

from typing import Any, Final

from app import errs
from app.rest.errors import BODILESS, Occasion, headers_of, instance_of, problem, status_of
from app.rest.mounting import prefix_of

REQUEST_ID: Final = "5f0c9a7e41d84f6cb7a0e2d31c9b8a64"
TIMESTAMP: Final = "2026-11-21T09:30:00.000001Z"


def occurrence(named: type[errs.Error]) -> errs.Error:
    """Return an error with the facts of its example."""
    return named(**named.example)  # type: ignore[arg-type]  # keywords of the constructor, checked at definition


def document(named: type[errs.Error], *, public_url: str, shown: errs.Error | None = None) -> dict[str, Any] | None:
    """Return the body of the example, or of ``shown``; ``None`` for 401 and 403, which have none."""
    if status_of(named) in BODILESS:
        return None
    path = named.instance.partition("?")[0]
    instance = instance_of(prefix_of(public_url) + path) if path else None
    occasion = Occasion(public_url=public_url, instance=instance, timestamp=TIMESTAMP, request_id=REQUEST_ID)
    return problem(shown or occurrence(named), occasion)


def violation(code: errs.ViolationCode) -> dict[str, str]:
    """Return an entry of ``errors`` with this code."""
    return {"field": code.field, "code": code.code, "message": code.message}


def headers(named: type[errs.Error], *, method: str = "POST") -> dict[str, str]:
    """Return the header fields that belong to the example."""
    return headers_of(occurrence(named), status_of(named), method=method)


def curl(named: type[errs.Error], *, public_url: str) -> str | None:
    """Return shell lines whose last answer is the error, with ``$TOKEN`` to be set; ``None`` where curl cannot."""
    return named.curl and named.curl.replace("{url}", public_url)
