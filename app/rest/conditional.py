"""Conditional requests (RFC 9110, section 13): strong entity tags of a revision and its selected properties."""

import hashlib
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from http import HTTPStatus
from typing import Any, Final

from flask import Response

from app.errs import Violation
from app.models.precondition import ANY_VERSION, NO_VERSION, Precondition
from app.rest import operations
from app.rest.collected_violations import checked
from app.rest.request import Request, current
from app.wire.encoder import Encoder

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST: Final = re.compile(rf"[ \t,]*{_TAG.pattern}(?:[ \t]*,[ \t,]*{_TAG.pattern})*[ \t,]*")
"""One or more, between commas; empty elements do not count (RFC 9110, section 5.6.1)."""
CONTENT_FIELDS: Final = ("Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type")
"""Header fields that a 304 does not repeat (RFC 9110, section 15.4.5)."""
READS: Final = frozenset({"GET", "HEAD"})
SHAPES: Final = 1024
"""Selections of properties whose digest is cached; clients use few of all possible ones."""
_OWN: Final = re.compile(r"(([0-9a-f]{1,15}-[0-9a-f]{1,15})-[0-9a-f]{8})(?::[a-z]+)?")
"""A revision and a digest. Flask-Compress adds the content coding to the tag of a compressed response: ``:gzip``."""


@dataclass(frozen=True, slots=True)
class ProjectedResponse:
    """A value with the properties of the response; ``None`` means all."""

    value: Any
    members: tuple[str, ...] | None


def encode(value: Any, encoder: Encoder) -> Any:
    """Encode a value with its selected properties."""
    if isinstance(value, ProjectedResponse):
        return encoder.only(value.members)(value.value)
    return encoder(value)


def etag(revision: str, members: Sequence[str]) -> str:
    """Return the entity tag of a revision of a resource (``app.models.precondition``) with these properties."""
    return f'"{revision}-{_digest(tuple(members))}"'


@lru_cache(SHAPES)
def _digest(members: tuple[str, ...]) -> str:
    return hashlib.sha256(",".join(members).encode()).hexdigest()[:8]


def conditional(
    members: Sequence[str], *, is_required: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Pass ``precondition`` to the handler: the revisions with these properties that the request accepts.

    If it is required, the request must have If-Match; ``*`` accepts any revision.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        inner = checked(view)

        @wraps(inner)
        def with_precondition(*args: Any, **kwargs: Any) -> Any:
            return inner(*args, precondition=_precondition(current(), members, is_required), **kwargs)

        operations.extend(with_precondition)
        with_precondition.__dict__["_apidoc"] = {
            **view.__dict__.get("_apidoc", {}),
            "conditional": True,
            "needs_if_match": is_required,
        }
        return with_precondition

    return decorate


def _precondition(request: Request, members: Sequence[str], is_required: bool) -> Precondition:
    """Return the precondition in the header fields, for the selected properties (RFC 9110, section 13.2.2).

    Dates are ignored, because no response has Last-Modified. For reads, ``answer_not_modified`` handles If-None-Match.
    """
    projected = request.listing.get("shown") or request.listing.get("fields") or members
    among = _revisions(request, "If-Match", projected, takes_weak=False)
    but = NO_VERSION if request.method in READS else _revisions(request, "If-None-Match", projected, takes_weak=True)
    is_missing = is_required and among is None
    return Precondition(ANY_VERSION if among is None else among, NO_VERSION if but is None else but, is_missing)


def _revisions(request: Request, name: str, members: Sequence[str], *, takes_weak: bool) -> Container[str] | None:
    """Return the revisions in a header field, or ``None`` without the field. An invalid field adds a violation."""
    text = request.sent(name)
    if text is None:
        return None
    if text.strip() == "*":
        return ANY_VERSION
    if not _LIST.fullmatch(text):
        request.violations.append(
            Violation(name, "INVALID_FORMAT", f"{name} must be * or entity tags in quotes", header=name)
        )
        return None
    tags = [_OWN.fullmatch(tag) for weak, tag in _TAG.findall(text) if takes_weak or not weak]
    revisions = {found[2]: found[1] for found in tags if found}
    return frozenset(each for each, tag in revisions.items() if etag(each, members) == f'"{tag}"')


def answer_not_modified(request: Request, response: Response) -> Response:
    """Return 304 without a body if If-None-Match contains the response's tag (weak comparison)."""
    if request.sent("If-None-Match") is None or response.status_code != HTTPStatus.OK or request.method not in READS:
        return response
    tag, known = response.headers["ETag"], request.if_none_match
    if not (known.star_tag or known.contains_weak(tag.strip('"'))):
        return response
    unmodified = Response(status=HTTPStatus.NOT_MODIFIED, headers=response.headers)
    for name in CONTENT_FIELDS:
        unmodified.headers.pop(name, None)
    unmodified.call_on_close(response.close)
    return unmodified
