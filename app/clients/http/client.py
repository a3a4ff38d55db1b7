"""The HTTP client of one dependency."""

import os
import re
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPMethod
from typing import Final

import httpx2
import orjson

from app import product, request_context
from app.clients.http import answers
from app.clients.http.deadline_transport import Transport
from app.errs import E, Error, Kind
from app.observability import metrics, request_timing
from app.resilience import deadline, failure_classifier, instrumentation, retry
from app.resilience.breaker import Breaker, Event, State
from app.resilience.budget import RetryBudget
from app.resilience.retry import Retry

MAX_BYTES: Final = 256 * 1024
"""The default limit of a response body, in bytes."""
MAX_CONNECTIONS: Final = 16
RETRY_AFTER: Final = 1
"""Seconds after which the caller can retry when the dependency was not reached."""
MIN_TIMEOUT: Final = 0.05
"""Seconds. Instances of this service accept no smaller ``Request-Timeout``."""
KEY: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}")
"""An idempotency key: visible ASCII without quotes, commas and backslashes, for which services have other rules."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to send, possibly several times."""

    method: HTTPMethod
    url: httpx2.URL
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    is_repeatable: bool = True


class HttpClient:
    """Sends requests to one dependency.

    Args:
        name: the name of the dependency in the log, in metrics and in ``spent_in``.
        url: the base URL. Paths are appended to it.
        timeout: the limit of one call, including all attempts and pauses.
        hooks: called with the events of the circuit breaker.
        max_bytes: the limit of a response body.
        max_connections: the limit of the connection pool.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        timeout: timedelta,
        hooks: tuple[Callable[[Event], None], ...] = (),
        max_bytes: int = MAX_BYTES,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.name, self._url, self._timeout = name, url.rstrip("/"), timeout
        self._max_bytes, self._max_connections = max_bytes, max_connections
        metrics.add_dependency(name, "get")
        self.breaker = Breaker(name, is_failure=_is_dependency_failure, hooks=hooks)
        self._retry = Retry(
            name, budget=RetryBudget(), is_retryable=_is_transient, hooks=(instrumentation.count_retry,)
        )
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Start without connections, because a forked child must not use those of its parent."""
        self._transport = Transport(connections=self._max_connections, is_encrypted=self._url.startswith("https:"))

    def is_available(self) -> bool:
        """Return whether the circuit breaker is closed. It sends no request."""
        return self.breaker.state() is State.CLOSED

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str = "get",
    ) -> object:
        """Send a GET request and return the JSON of the response. ``operation`` is its name in the log.

        Raises:
            Error: see the package docstring.
        """
        url = httpx2.URL(self._url + path, params=params or None)
        return self._called(_Call(HTTPMethod.GET, url, headers or {}), operation)

    def post(
        self,
        path: str,
        body: object,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str = "post",
    ) -> object:
        """Send a POST request with a JSON body, and return the JSON of the response, or ``None`` if it has no body.

        Args:
            path: the path, appended to the base URL.
            body: a value that JSON can express.
            key: the ``Idempotency-Key``: the same for each repetition of one change, also after a restart. Without it,
                a failed request is not repeated, and may have been applied.
            headers: further header fields.
            operation: its name in the log.

        Raises:
            Error: see the package docstring.
            ValueError: the key is not valid.
        """
        return self._changed(HTTPMethod.POST, path, body, key, headers, operation)

    def put(
        self,
        path: str,
        body: object,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str = "put",
    ) -> object:
        """Send a PUT request with a JSON body. The arguments and errors are those of ``post``."""
        return self._changed(HTTPMethod.PUT, path, body, key, headers, operation)

    def delete(
        self,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str = "delete",
    ) -> object:
        """Send a DELETE request. The arguments and errors are those of ``post``."""
        return self._changed(HTTPMethod.DELETE, path, None, key, headers, operation)

    def _changed(
        self,
        method: HTTPMethod,
        path: str,
        body: object,
        key: str | None,
        headers: Mapping[str, str] | None,
        operation: str,
    ) -> object:
        if key is not None and not KEY.fullmatch(key):
            raise ValueError("an idempotency key has 1 to 255 visible ASCII characters without quotes and commas")
        sent = {**(headers or {}), **({"Idempotency-Key": key} if key is not None else {})}
        content = None if method is HTTPMethod.DELETE else orjson.dumps(body)
        if content is not None:
            sent |= {"Content-Type": "application/json"}
        is_repeatable = key is not None or method is not HTTPMethod.POST
        return self._called(_Call(method, httpx2.URL(self._url + path), sent, content, is_repeatable), operation)

    def _called(self, call: _Call, operation: str) -> object:
        with deadline.within(self._timeout):
            try:
                for attempt in self._retry.attempts(is_idempotent=call.is_repeatable):
                    with attempt:
                        return self._send(call)
                raise AssertionError("an attempt without a successor raises")
            except Error as error:
                raise self._described(error, operation, is_repeatable=call.is_repeatable) from error

    def _described(self, error: Error, operation: str, *, is_repeatable: bool) -> Error:
        """Count a failed call, and return its error with the name of the dependency and the operation."""
        if _is_dependency_failure(error) and "breaker" not in error.facts:
            metrics.DEPENDENCY_ERRORS.labels(self.name, operation).inc()
        is_unreachable = error.kind is Kind.UNAVAILABLE and error.retry_after is None
        return E(
            f"{self.name.partition(' ')[0]}.{operation}",
            detail=f"service {self.name} operation {operation} failed",
            retry_after=RETRY_AFTER if is_unreachable else None,
            **{**error.facts, "service": self.name, "retryable": is_repeatable and _is_transient(error)},
        )

    def _send(self, call: _Call) -> object:
        limit = deadline.current.get()
        if limit is None:
            raise TypeError("an outbound call requires a deadline")
        limit.check(self.name)
        left = limit.remaining()
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": product.SLUG, **call.headers}
        request = httpx2.Request(
            call.method,
            call.url,
            content=call.content,
            headers={**sent, **_origin(), "Request-Timeout": f"{max(MIN_TIMEOUT, left):.3f}"},
            extensions={"timeout": {"pool": left}},
        )
        with self.breaker.allow(), request_timing.stage(self.name), answers.translated(self.name, limit):
            if not call.is_repeatable:
                request_context.changing.set(True)
            response = self._transport.handle_request(request)
            try:
                is_change = call.method is not HTTPMethod.GET
                return answers.read(
                    response, max_bytes=self._max_bytes, name=self.name, limit=limit, is_change=is_change
                )
            finally:
                response.close()


def _origin() -> dict[str, str]:
    """Return the header fields that identify the request (C16): its ID and its trace."""
    sent = {"X-Request-Id": request_context.request_id.get(), "Traceparent": request_context.traceparent.get()}
    return {name: value for name, value in sent.items() if value}


def _is_rejection(error: Exception) -> bool:
    """Return whether the dependency rejected the request with a 4xx, which its caller has to handle."""
    status = getattr(error, "facts", {}).get("remote_status", 0)
    return isinstance(error, Error) and error.kind is Kind.EXTERNAL and 400 <= status < 500


def _is_transient(error: Exception) -> bool:
    return retry.is_retryable(error) and not _is_rejection(error)


def _is_dependency_failure(error: BaseException) -> bool | None:
    if isinstance(error, Exception) and _is_rejection(error):
        return False
    return failure_classifier.is_failure(error)
