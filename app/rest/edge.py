"""What the server refuses before there is a request: the same problem documents, written to the socket by hand."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

import orjson

from app import context, errs
from app.errs import platform, requests
from app.observability import logs
from app.rest.errors import MEDIA_TYPE, Occasion, problem, status_of
from app.wire import timestamps

NAMED: Final[Mapping[int, type[errs.Error]]] = {
    HTTPStatus.REQUEST_URI_TOO_LONG: requests.UriTooLong,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: requests.HeaderFieldsTooLarge,
    HTTPStatus.INTERNAL_SERVER_ERROR: platform.InternalError,
}


def refusal(status: int, reason: str, *, public_url: str) -> bytes:
    """Return the response, status line and all, and log it like any other error.

    Args:
        status: what the server would have answered.
        reason: what it says is wrong; for the log only, since it quotes the request.
        public_url: begins the error's type.
    """
    error = NAMED.get(status, requests.MalformedRequest)(detail=reason)
    answered = status_of(error)
    request_id = secrets.token_hex(16)
    token = context.request_id.set(request_id)
    logs.error(error, error, {"status": answered.value, "route": "unmatched"}, stack=False)
    context.request_id.reset(token)
    now = datetime.now(UTC)
    occasion = Occasion(public_url=public_url, instance=None, timestamp=timestamps.render(now), request_id=request_id)
    body = orjson.dumps(problem(error, occasion))
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        "Request-Id": request_id,
        "Connection": "close",
    }
    head = [f"HTTP/1.1 {answered.value} {answered.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + body
