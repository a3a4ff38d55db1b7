"""Says what may be kept (RFC 9111) and what answers depend on; answers 304. Innermost, to see the handler's own."""

from http import HTTPStatus

from flask import Response

from app.rest import operations
from app.rest.application import Application
from app.rest.conditional import READS, answer_not_modified
from app.rest.request import Request


def install(app: Application) -> None:
    """Install the hook."""
    app.hook(after=_mark)


def _mark(request: Request, response: Response) -> Response:
    """Let a client keep a tagged resource for asking again, and nothing else that needed a token (C20)."""
    operation, carried = request.operation, {name for name, _ in response.headers}
    has_forms = operation is not None and len(operation.produces) > 1
    response.headers.add("Vary", "Accept, Origin" if has_forms else "Origin")
    if operation is not None and "Cache-Control" not in carried:
        if "ETag" in carried:
            kept = "private, no-cache"
        else:
            is_page = operation.scope is operations.PUBLIC and request.method in READS
            kept = "no-cache" if is_page else "no-store"
        response.headers.add("Cache-Control", kept)
    if response.status_code == HTTPStatus.NO_CONTENT:
        response.headers.pop("Content-Type", None)
    return answer_not_modified(request, response) if "ETag" in carried else response
