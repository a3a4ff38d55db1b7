"""What the server refuses before there is a request: the same problem documents, written to the socket by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

import orjson

from app import context, errs
from app.observability import logs, metrics
from app.rest.errors import MEDIA_TYPE, ProblemContext, headers_of, problem, status_of
from app.rest.hooks import cors
from app.wire import request_ids, timestamps
from app.wire.client_addresses import client_address


@dataclass(frozen=True, kw_only=True)
class RawRequest:
    """As much of a request as was understood before it was refused; names of fields are in upper case."""

    method: str | None = None
    path: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""
    """The address of whoever has connected; empty on a unix socket."""
    seconds: float | None = None
    """How long it has waited; unknown of what was no request."""

    @cached_property
    def request_id(self) -> str:
        """The id that was sent, or a new one."""
        return request_ids.chosen(self.fields.get(name.upper()) for name in request_ids.SENT)

    def client(self, config: Mapping[str, Any]) -> str:
        """Return the address that the request counts for."""
        return client_address(self.peer, self.fields.get("X-FORWARDED-FOR", ""), config["TRUSTED_PROXIES"])

    def logged(self, status: HTTPStatus, config: Mapping[str, Any]) -> dict[str, object]:
        """Return what a line of the log says of it."""
        client = self.client(config) if config.get("LOG_CLIENT") else None
        took = None if self.seconds is None else round(self.seconds * 1000, 3)
        about = {"method": self.method, "route": metrics.UNMATCHED, "path": self.path}
        return {**about, "status": status.value, "duration_ms": took, "client": client}


def reject(error: errs.Error, cause: Exception, request: RawRequest, config: Mapping[str, Any]) -> bytes:
    """Return the response, status line and all, and log it like any other error and any other request.

    Requests that the client made wrong share an entry of errors by address and second, as nothing else bounds them.

    Args:
        error: what is answered.
        cause: what the server says is wrong; for the log only, since it quotes the request.
        request: whose id is kept, and whose origin is answered.
        config: the settings of the application.
    """
    error.__cause__ = cause
    token = context.request_id.set(request.request_id)
    fields, is_ours = request.logged(status_of(error), config), error.kind.fault is errs.Fault.SERVICE
    shared_by = None if is_ours else request.client(config)
    if not logs.error(error, error, {**fields}, stack=is_ours, shared_by=shared_by):
        fields["code"] = errs.public_code(error)
    logs.access(fields)
    context.request_id.reset(token)
    return response_bytes(error, request, config)


def response_bytes(
    error: errs.Error,
    request: RawRequest,
    config: Mapping[str, Any],
    *,
    instance: str | None = None,
    is_kept: bool = False,
) -> bytes:
    """Count the request, and return the response as it goes to the socket.

    Args:
        error: what is answered.
        request: as for ``reject``.
        config: as for ``reject``.
        instance: the path, if it was understood.
        is_kept: whether another request may follow on the connection.
    """
    now, status = datetime.now(UTC), status_of(error)
    metrics.error(error, error)
    metrics.request(request.method, metrics.UNMATCHED, str(status.value), request.seconds or 0.0)
    context = ProblemContext(
        public_url=config["PUBLIC_URL"],
        instance=instance,
        timestamp=timestamps.render(now),
        request_id=request.request_id,
    )
    body = orjson.dumps(problem(error, context))
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "X-Content-Type-Options": "nosniff",
        **headers_of(error, status, method=request.method or ""),
        **dict.fromkeys(request_ids.ANSWERED, request.request_id),
        **cors.permission(request.fields.get("ORIGIN"), config["CORS_ORIGINS"]),
        "Vary": "Origin",
        "Connection": "keep-alive" if is_kept else "close",
    }
    head = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + (b"" if request.method == "HEAD" else body)
