"""Says what may be kept (RFC 9111) and how answers differ; answers 304. Innermost, to see the handler's own answer."""

from http import HTTPStatus

from flask import Flask, Response, request

from app.rest import operations
from app.rest.conditional import READS, answer_not_modified


def install(app: Flask) -> None:
    """Install the hook."""
    app.after_request(_mark)


def _mark(response: Response) -> Response:
    """Let a client keep a tagged resource for asking again, and nothing else that needed a token (C20)."""
    operation = operations.current()
    if operation is not None and len(operation.produces) > 1:
        response.vary.add("Accept")
    if operation is not None and "Cache-Control" not in response.headers:
        if "ETag" in response.headers:
            response.headers["Cache-Control"] = "private, no-cache"
        else:
            is_page = operation.scope is operations.PUBLIC and request.method in READS
            response.headers["Cache-Control"] = "no-cache" if is_page else "no-store"
    if response.status_code == HTTPStatus.NO_CONTENT:
        response.headers.pop("Content-Type", None)
    return answer_not_modified(response)
