"""The client of one dependency."""

import os
import weakref
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import httpx2

from app import context
from app.clients.http import answers
from app.clients.http.deadline_transport import Transport
from app.errs import E, Error, Kind
from app.observability import metrics, request_timing
from app.resilience import deadline, failure_classifier, instrumentation, retry
from app.resilience.breaker import Breaker, Event, State
from app.resilience.budget import RetryBudget
from app.resilience.retry import Retry

LARGEST: Final = 256 * 1024
"""Bytes of an answer."""
CONNECTIONS: Final = 16
SOON: Final = 1
"""Seconds after which what was not reached may be tried again by our caller."""
LEAST: Final = 0.05
"""Seconds: no service like ours takes less for a ``Request-Timeout``."""


class HttpClient:
    """Asks one dependency, which bears this name in the log, in metrics and in ``spent_in``.

    Args:
        name: of the dependency.
        url: where it is; the paths asked for come after it.
        patience: for one call, all its attempts and pauses included.
        hooks: are told of the breaker's turns.
        largest: bytes of an answer.
        connections: how many there are at most.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        patience: timedelta,
        hooks: tuple[Callable[[Event], None], ...] = (),
        largest: int = LARGEST,
        connections: int = CONNECTIONS,
    ) -> None:
        self.name, self._url, self._patience = name, url.rstrip("/"), patience
        self._largest, self._connections = largest, connections
        metrics.know_dependency(name, "get")
        self.breaker = Breaker(name, is_failure=_speaks_against_it, hooks=hooks)
        self._retry = Retry(name, budget=RetryBudget(), is_retryable=_may_pass, hooks=(instrumentation.retries,))
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Begin without connections: a forked child must not talk on its parent's."""
        self._transport = Transport(connections=self._connections, is_encrypted=self._url.startswith("https:"))

    def answers(self) -> bool:
        """Tell whether it did when it was asked last, as far as the breaker knows; it is not asked for that."""
        return self.breaker.state() is State.CLOSED

    def close(self) -> None:
        """Close the connections that are kept."""
        self._transport.close()

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str = "get",
    ) -> object:
        """Return the JSON that a GET is answered with; ``operation`` is what the log calls it.

        Raises:
            Error: what went wrong, as the package says.
        """
        url = httpx2.URL(self._url + path, params=params or None)
        with deadline.within(self._patience):
            try:
                return self._retry(self._ask)(url, headers or {})
            except Error as error:
                raise self._said_of(error, operation) from error

    def _said_of(self, error: Error, operation: str) -> Error:
        """Return what there is to say of a call that failed with this error."""
        if _speaks_against_it(error) and "breaker" not in error.facts:
            metrics.DEPENDENCY_ERRORS.labels(self.name, operation).inc()
        is_unreachable = error.kind is Kind.UNAVAILABLE and error.retry_after is None
        return E(
            f"{self.name.partition(' ')[0]}.{operation}",
            detail=f"service {self.name} operation {operation} failed",
            retry_after=SOON if is_unreachable else None,
            **{**error.facts, "service": self.name, "retryable": _may_pass(error)},
        )

    def _ask(self, url: httpx2.URL, headers: Mapping[str, str]) -> object:
        limit = deadline.current.get()
        if limit is None:
            raise TypeError("others are asked within a deadline")
        limit.check(self.name)
        left = limit.remaining()
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "candor", **headers}
        request = httpx2.Request(
            "GET",
            url,
            headers={**sent, **_origin(), "Request-Timeout": f"{max(LEAST, left):.3f}"},
            extensions={"timeout": {"pool": left}},
        )
        with self.breaker.allow(), request_timing.spending(self.name), answers.translated(self.name, limit):
            response = self._transport.handle_request(request)
            try:
                return answers.read(response, largest=self._largest, name=self.name, limit=limit)
            finally:
                response.close()


def _origin() -> dict[str, str]:
    """Return the header fields that say what this is done for (C16): the request's id, and its trace."""
    sent = {"X-Request-Id": context.request_id.get(), "Traceparent": context.traceparent.get()}
    return {name: value for name, value in sent.items() if value}


def _is_refusal(error: Exception) -> bool:
    """Tell whether the other side said no, and why it did so is up to whoever asked."""
    status = getattr(error, "facts", {}).get("remote_status", 0)
    return isinstance(error, Error) and error.kind is Kind.EXTERNAL and 400 <= status < 500


def _may_pass(error: Exception) -> bool:
    return retry.is_retryable(error) and not _is_refusal(error)


def _speaks_against_it(error: BaseException) -> bool | None:
    if isinstance(error, Exception) and _is_refusal(error):
        return False
    return failure_classifier.is_failure(error)
