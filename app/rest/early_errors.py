"""Errors before a request object exists: the same problem documents, as bytes for the socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

import orjson

from app import errs, request_context
from app.observability import logs, metrics
from app.rest.errors import MEDIA_TYPE, ProblemContext, headers_of, problem, status_of
from app.rest.hooks import cors
from app.wire import request_ids, timestamps
from app.wire.client_addresses import client_address


@dataclass(frozen=True, kw_only=True)
class RawRequest:
    """The parsed part of a rejected request. Names of fields are in uppercase."""

    method: str | None = None
    path: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""
    """The address of the connected peer; empty on a Unix socket."""
    seconds: float | None = None
    """The time that the request has waited; ``None`` for malformed requests."""

    @cached_property
    def request_id(self) -> str:
        """The ID that was sent, or a new one."""
        return request_ids.chosen(self.fields.get(name.upper()) for name in request_ids.SENT)

    def client(self, config: Mapping[str, Any]) -> str:
        """Return the client address for rate limits."""
        return client_address(self.peer, self.fields.get("X-FORWARDED-FOR", ""), config["TRUSTED_PROXIES"])

    def logged(self, status: HTTPStatus, config: Mapping[str, Any]) -> dict[str, object]:
        """Return the fields of a log entry."""
        client = self.client(config) if config.get("LOG_CLIENT") else None
        took = None if self.seconds is None else round(self.seconds * 1000, 3)
        about = {"method": self.method, "route": metrics.UNMATCHED, "path": self.path}
        return {**about, "status": status.value, "duration_ms": took, "client": client}


def reject(error: errs.Error, cause: BaseException, request: RawRequest, config: Mapping[str, Any]) -> bytes:
    """Return the response with its status line, and log the error and the request as usual.

    Malformed requests share one error entry per address and second, because no rate limit applies to them.

    Args:
        error: the error of the response.
        cause: the reason from the server. It is only logged, because it quotes the request.
        request: the request, with its ID and its origin.
        config: the settings of the application.
    """
    error.__cause__ = cause
    token = request_context.request_id.set(request.request_id)
    fields, is_ours = request.logged(status_of(error), config), error.kind.fault is errs.Fault.SERVICE
    shared_by = None if is_ours else request.client(config)
    if not logs.error(error, error, {**fields}, stack=is_ours, shared_by=shared_by):
        fields["code"] = errs.public_code(error)
    logs.access(fields)
    request_context.request_id.reset(token)
    return response_bytes(error, request, config)


def response_bytes(
    error: errs.Error,
    request: RawRequest,
    config: Mapping[str, Any],
    *,
    instance: str | None = None,
    is_kept: bool = False,
) -> bytes:
    """Count the request, and return the bytes of the response.

    Args:
        error: the error of the response.
        request: as for ``reject``.
        config: as for ``reject``.
        instance: the path, if it was parsed.
        is_kept: true if another request can follow on the connection.
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
