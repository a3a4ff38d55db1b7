"""Errors over HTTP: the status of each kind, and the renderer of problem documents (RFC 9457).

401 and 403 have no body and a challenge (RFC 6750). Every 500 has the same text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson
from flask import Flask, Response, got_request_exception
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException, InternalServerError

from app import errs, product, request_context
from app.errs import Fault, Kind, Outcome, platform
from app.errs.error import UNSET
from app.observability import metrics
from app.observability.batch_log import BatchResult
from app.observability.error_response_log import report
from app.rest import failover, http_exceptions, limit_errors, missing_error_facts, operations, path_prefix
from app.rest.current import services
from app.rest.error_statuses import STATUS_OF_CODE, STATUS_OF_KIND
from app.rest.json_response import JsonResponse
from app.rest.request import application, current
from app.rest.retry_safety import outcome_of
from app.wire import timestamps

REALM: Final = product.SLUG
MEDIA_TYPE: Final = "application/problem+json"
LISTED: Final = 100
"""The largest number of listed violations and failures."""
MAX_INSTANCE_LENGTH: Final = 1024
_UNQUOTABLE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
"""Characters that are not allowed in a value of a challenge (RFC 6750, section 3)."""
_KEPT: Final = ":@!$&'()*+,;=~-._"
_UNQUOTED: Final = re.compile(rf"[/0-9A-Za-z{re.escape(_KEPT)}]*")
"""A path that is quoted already."""
_CUT_ESCAPE: Final = re.compile(r"%[0-9A-F]?$")
RETRY: Final = {"max_attempts": 3, "backoff": "exponential", "initial_ms": 1000}
ACCEPTED: Final = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}
"""Header fields with the supported types in a 415 (RFC 9110, section 15.5.16; W3C LDP; RFC 5789, section 3.1)."""
BODILESS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
EXPLAINED: Final = BODILESS | {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
"""Statuses with a header field that contains the accepted values."""
UNREAD: Final = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
"""The status for a body in an unsupported format."""
OURS: Final = HTTPStatus.INTERNAL_SERVER_ERROR
"""The lowest status of errors that the client can't fix."""
WAITED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
ADVISED: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


def status_of(error: errs.Error | type[errs.Error]) -> HTTPStatus:
    """Return the HTTP status of an error or of a named error's definition."""
    code = errs.definition(error).code if isinstance(error, errs.Error) else error.code
    return STATUS_OF_CODE.get(code) or STATUS_OF_KIND[error.kind]


def register(app: Flask) -> None:
    """Register the error handlers. Flask chooses between these and others by code, blueprint and class.

    There is no handler for ``InternalServerError``, because Flask prefers a handler for a code to one for
    ``HTTPException``.
    """
    app.register_error_handler(errs.Error, answer)
    app.register_error_handler(HTTPException, answer_http)


def answer(error: errs.Error) -> Response:
    """Log an error of the catalogue once, and return the response for the client.

    A 500 sends ``got_request_exception``, like an unexpected exception, unless the error is simulated.
    """
    shown = public_error(error)
    status = status_of(shown)
    _report(error, shown, status)
    if status is OURS and not error.is_simulated:
        app = application()
        got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    response = respond(shown, status)
    response.headers.update(failover.fields(error, status))
    return response


def answer_http(exc: HTTPException) -> Response | HTTPException:
    """Return the response to an ``HTTPException``, with its status and header fields, or its own response."""
    if isinstance(exc, InternalServerError) and exc.original_exception is not None:
        return respond(platform.InternalError(), OURS)  # ``Application.log_exception`` has logged it
    if isinstance(exc, RateLimitExceeded) and exc.response is None:
        return answer(limit_errors.translated(exc))
    if http_exceptions.is_answer(exc):
        return exc
    if application().trap_http_exception(exc):
        raise exc
    error, status, fields = http_exceptions.translated(exc)
    shown = public_error(error)
    _report(error, shown, status, is_flasks=True)
    response = respond(shown, status)
    response.headers.update(fields)
    return response


def report_unexpected(exc: BaseException) -> None:
    """Log and count an exception without an error handler."""
    metrics.PANICS.inc()
    _report(exc, platform.InternalError(), OURS, is_flasks=True)


def public_error(error: errs.Error) -> errs.Error:
    """Return the error that a client sees: itself, or ``INTERNAL_ERROR`` for a fault of the service."""
    return platform.InternalError() if STATUS_OF_KIND[error.kind] is OURS else error


def _report(exc: BaseException, shown: errs.Error, status: int, *, is_flasks: bool = False) -> None:
    """Log and count an error of the current request, and check that its operation declares it.

    Args:
        exc: the raised exception.
        shown: the error in the response.
        status: the status of the response.
        is_flasks: true for an exception outside the catalogue, which plain routes need not declare.
    """
    request, caller = current(), request_context.principal.get()
    is_ours = status >= OURS and shown.fault is not Fault.CLIENT
    operation, rule = request.operation, request.url_rule.rule if request.url_rule else metrics.UNMATCHED
    fields: dict[str, object] = {
        "status": int(status),
        "method": request.method,
        "route": rule,
        "path": request.path,
        "client": request.logged_client,
        "user": caller.id if caller else None,
        "breakers": services().breakers() if is_ours else None,
    }
    name = operation.name if operation else rule
    declared = operations.declared(operation, is_free=is_flasks or request.url_rule is not None)
    if failed := shown.failures:
        request.batch = BatchResult(created=0, failed=failed)
    is_unbounded = caller is None and status < OURS and (status == HTTPStatus.TOO_MANY_REQUESTS or not request.limits)
    address = request.client_address if is_unbounded else None  # requests that share a log entry
    if not report(exc, shown, fields, operation=name, declared=declared, stack=is_ours, shared_by=address):
        request.shared_code = errs.public_code(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemContext:
    """The properties of a problem document that come from the request: path, time and IDs."""

    public_url: str
    instance: str | None
    timestamp: str
    request_id: str | None
    trace_id: str | None = None
    outcome: Outcome = Outcome.UNCHANGED

    @classmethod
    def now(cls) -> "ProblemContext":
        """Return the context of the current request."""
        request = current()
        instance = instance_of(path_prefix.whole_path(request.environ))
        return cls.of(application().config["PUBLIC_URL"], instance, outcome_of(request))

    @classmethod
    def of(cls, public_url: str, instance: str, outcome: Outcome = Outcome.UNCHANGED) -> "ProblemContext":
        """Return a context with the current time and the IDs of the current request."""
        return cls(
            public_url=public_url,
            instance=instance,
            timestamp=timestamps.render(datetime.now(UTC)),
            request_id=request_context.request_id.get(),
            trace_id=request_context.trace_id.get(),
            outcome=outcome,
        )


def instance_of(path: str | bytes) -> str:
    """Return ``instance`` for a path. A very long path is truncated."""
    text = path if isinstance(path, str) else path.decode("latin-1")
    quoted = text if _UNQUOTED.fullmatch(text) else quote(path, safe=f"/{_KEPT}")
    return quoted if len(quoted) <= MAX_INSTANCE_LENGTH else _CUT_ESCAPE.sub("", quoted[:MAX_INSTANCE_LENGTH])


def respond(error: errs.Error, status: int) -> Response:
    """Render an error for the client."""
    fields = headers_of(error, status, method=current().method)
    # the middleware removes the media type of an empty body; hooks of extensions need one
    body = b"" if status in BODILESS else orjson.dumps(problem(error, ProblemContext.now(), status=status))
    response = JsonResponse(body, status, fields, content_type=MEDIA_TYPE)
    if status is UNREAD and current().sent("Content-Encoding") is not None:
        response.headers["Accept-Encoding"] = "identity"
    return response


def problem(
    error: errs.Error, context: ProblemContext, *, is_item: bool = False, status: int | None = None
) -> dict[str, Any]:
    """Return the problem document.

    Args:
        error: the error of the response.
        context: the path, the time and the IDs.
        is_item: true for an item of a batch, which has no separate request ID.
        status: the status of the response, if it differs from the error's.
    """
    status = status or status_of(error)
    is_plain = not (error.facts or is_item or error.__cause__ or error.__dict__.keys() & UNSET.keys())
    same = _invariant(type(error), status, context.public_url) if is_plain else None  # type: ignore[arg-type]  # a class is hashable
    if same is None or context.outcome is not Outcome.UNCHANGED:
        return _complete(error, context, is_item=is_item, status=status)
    ids = {"request_id": context.request_id, "timestamp": context.timestamp, "trace_id": context.trace_id}
    return {name: value for name, value in {**same, "instance": context.instance, **ids}.items() if value is not None}


@lru_cache(1024)
def _invariant(named: type[errs.Error], status: int, public_url: str) -> dict[str, Any] | None:
    """Return the document of an error without facts, with the members of all contexts; ``None`` if it needs facts."""
    if named.declared_facts or named is errs.Error or errs.named_errors().get(named.code) is not named:
        return None
    context = ProblemContext(public_url=public_url, instance="", timestamp="", request_id="", trace_id="")
    return _complete(named(), context, is_item=False, status=status)


def _complete(error: errs.Error, context: ProblemContext, *, is_item: bool, status: int) -> dict[str, Any]:
    """Return the problem document of any error."""
    named, kind = errs.definition(error), error.kind
    violations, failed = error.violations, error.failures
    is_retryable = errs.is_retryable(error, context.outcome)
    document: dict[str, Any] = {
        "type": f"{context.public_url}/errors/{errs.slug(named.code)}",
        "title": errs.title(named),
        "status": int(status),
        "detail": errs.public_message(error, context.outcome),
        "instance": context.instance,
        "kind": kind.string,
        "code": errs.public_code(error),
        "param": error.param,
        "errors": [violation.document() for violation in violations[:LISTED]] or None,
        "failures": failures(failed[:LISTED], context) or None,
        "truncated": max(len(violations), len(failed)) > LISTED or None,
        "request_id": None if is_item else context.request_id,
        "timestamp": context.timestamp,
        "trace_id": None if is_item else context.trace_id,
        "retryable": is_retryable,
        "retry_after": _wait(error, status),
        "retry": RETRY if is_retryable and status in ADVISED else None,
        **missing_error_facts.completed(error),
    }
    return {name: value for name, value in document.items() if value is not None}


def failures(failed: Iterable[tuple[int, errs.Error]], context: ProblemContext) -> list[dict[str, Any]]:
    """Return the failed items of a batch, with their problem documents."""
    return [{"index": index, "problem": problem(error, context, is_item=True)} for index, error in failed]


def headers_of(error: errs.Error, status: int, *, method: str) -> dict[str, str]:
    """Return the header fields of an error."""
    headers = {"Cache-Control": "no-store"}
    if (seconds := _wait(error, status)) is not None:
        headers["Retry-After"] = str(seconds)
    if status not in EXPLAINED:
        return headers
    if status == HTTPStatus.UNAUTHORIZED or (status == HTTPStatus.FORBIDDEN and errs.known_facts(error).get("scope")):
        headers["WWW-Authenticate"] = challenge(error)
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(missing_error_facts.completed(error).get("allowed", ()))
    elif status == UNREAD and (supported := missing_error_facts.completed(error).get("supported")):
        headers[ACCEPTED.get(method.upper(), "Accept")] = ", ".join(supported)
    return headers


def _wait(error: errs.Error, status: int) -> int | None:
    """Return the seconds for ``Retry-After``, which 429 and 503 always have."""
    return errs.public_wait(error) if status in WAITED else error.retry_after


def challenge(error: errs.Error) -> str:
    """Return ``WWW-Authenticate`` (RFC 6750, section 3). Without credentials it has only the realm."""
    facts = errs.known_facts(error)
    attributes = {"realm": error.realm or REALM}
    if error.kind is Kind.UNAUTHENTICATED and (description := facts.get("description")):
        attributes |= {"error": "invalid_token", "error_description": description}
    elif error.kind is Kind.UNAUTHORIZED and (scope := facts.get("scope")):
        attributes |= {"error": "insufficient_scope", "scope": scope if isinstance(scope, str) else " ".join(scope)}
    return "Bearer " + ", ".join(f'{name}="{_UNQUOTABLE.sub("?", str(value))}"' for name, value in attributes.items())
