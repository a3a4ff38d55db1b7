"""Sets Cache-Control and Vary (RFC 9111), and returns 304. Last, and therefore the first to process a response."""

from http import HTTPStatus
from typing import Final

from flask import Flask, Response

from app import request_context
from app.rest import operations
from app.rest.conditional import READS, answer_not_modified
from app.rest.request import Request, current

NO_CONTENT: Final = HTTPStatus.NO_CONTENT
NO_TRANSFORM: Final = "no-transform"
"""Prevents that a proxy compresses a response and weakens or removes its strong entity tag (RFC 9110, section 7.7)."""


def install(app: Flask) -> None:
    """Register the hook."""
    app.after_request(set_caching)


def set_caching(response: Response) -> Response:
    """Allow clients to store a tagged resource for revalidation, but no other response that requires a token (C20)."""
    request, headers = current(), response.headers
    operation, carried = request.operation, {name for name, _ in headers}
    has_forms = operation is not None and len(operation.produces) > 1
    headers.add("Vary", "Accept, Origin" if has_forms else "Origin")
    if "Cache-Control" not in carried and (kept := _kept(request, is_tagged="ETag" in carried)):
        headers.add("Cache-Control", kept)
    if response.status_code == NO_CONTENT:
        headers.pop("Content-Type", None)
    return answer_not_modified(request, response) if "ETag" in carried else response


def _kept(request: Request, *, is_tagged: bool) -> str | None:
    """Return the value of Cache-Control, or ``None`` for a public route outside the operations."""
    operation = request.operation
    if operation is None:
        return None if request_context.principal.get() is None else "no-store"
    if is_tagged:
        return f"private, no-cache, {NO_TRANSFORM}"
    return "no-cache" if operation.scope is operations.PUBLIC and request.method in READS else "no-store"
