"""What the server refuses before there is a request: the same problem documents, written to the socket by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

import orjson

from app import context, errs
from app.observability import logs
from app.rest.errors import MEDIA_TYPE, Occasion, problem, status_of
from app.rest.hooks import cors, request_id
from app.wire import timestamps


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """As much of a request as was understood before it was refused; names of fields are in upper case."""

    method: str | None = None
    path: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def refusal(error: errs.Error, cause: Exception, seen: Seen, config: Mapping[str, Any]) -> bytes:
    """Return the response, status line and all, and log it like any other error and any other request.

    Args:
        error: what is answered.
        cause: what the server says is wrong; for the log only, since it quotes the request.
        seen: whose id is kept, and whose origin is answered.
        config: the settings of the application.
    """
    now, status = datetime.now(UTC), status_of(error)
    identity = request_id.chosen(seen.fields.get(name.upper()) for name in request_id.SENT)
    error.__cause__ = cause
    _log(error, status, seen, identity)
    occasion = Occasion(
        public_url=config["PUBLIC_URL"], instance=None, timestamp=timestamps.render(now), request_id=identity
    )
    body = orjson.dumps(problem(error, occasion))
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **dict.fromkeys(request_id.ANSWERED, identity),
        **cors.permission(seen.fields.get("ORIGIN"), config["CORS_ORIGINS"]),
        "Vary": "Origin",
        "Connection": "close",
    }
    head = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + (b"" if seen.method == "HEAD" else body)


def _log(error: errs.Error, status: HTTPStatus, seen: Seen, identity: str) -> None:
    """Write the line of the error, and that of the request."""
    said: dict[str, object] = {"method": seen.method, "route": "unmatched", "path": seen.path, "status": status.value}
    token = context.request_id.set(identity)
    logs.error(error, error, dict(said), stack=error.kind.fault is errs.Fault.SERVICE)
    logs.access(said)
    context.request_id.reset(token)
