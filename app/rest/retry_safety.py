"""Retry safety of failed requests: a retry is safe if it cannot make a change twice."""

from typing import Final

from app import request_context
from app.errs import Outcome
from app.errs.public_parts import outcome
from app.errs.requests import InvalidIdempotencyKey, PreconditionFailed
from app.rest.request import Request

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
"""Methods whose repetition has the effect of one request (RFC 9110, section 9.2.2)."""


def outcome_of(request: Request) -> Outcome:
    """Return the possible effect of a failed request."""
    if not request_context.changing.get():
        return Outcome.UNCHANGED
    return outcome(is_changing=True, is_repeatable=is_repeatable(request))


def is_repeatable(request: Request) -> bool:
    """Return true if a retry of the request cannot make its change twice.

    The method is idempotent, or the operation supports the Idempotency-Key or the version in If-Match of the request.
    """
    raises = request.operation.raises if request.operation else ()
    is_keyed = InvalidIdempotencyKey in raises and request.sent("Idempotency-Key") is not None
    has_version = PreconditionFailed in raises and request.sent("If-Match") not in (None, "*")
    return request.method in IDEMPOTENT or is_keyed or has_version
