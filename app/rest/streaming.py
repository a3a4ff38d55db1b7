"""Streamed bodies, and the context variables for their generators."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final

from werkzeug.wsgi import ClosingIterator

from app import request_context
from app.observability import request_timing
from app.resilience import deadline

OF_A_REQUEST: Final[tuple[ContextVar[Any], ...]] = (
    request_context.request_id,
    request_context.trace_id,
    request_context.traceparent,
    request_context.principal,
    request_context.bearer,
    request_context.changing,
    request_context.replica_reads,
    request_context.position,
    deadline.current,
    request_timing.current,
)
"""Context variables that are reset after the request."""


class Streamed:
    """A body that is generated while it is sent. Its generator has the request ID and the caller, like the view.

    It does not use a separate ``Context``, because Flask would push its contexts in one and pop them in another.
    """

    def __init__(self, body: ClosingIterator) -> None:
        self._parts, self._values = body, values()

    def __iter__(self) -> "Streamed":
        return self

    def __next__(self) -> bytes:
        with self._at_work():
            return next(self._parts)

    def close(self) -> None:
        """Close the body."""
        with self._at_work():
            self._parts.close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        before = values()
        restore(self._values)
        try:
            yield
        finally:
            restore(before)


def values() -> list[Any]:
    """Return the values of the context variables of a request."""
    return [variable.get() for variable in OF_A_REQUEST]


def restore(values: list[Any]) -> None:
    """Restore the values of the context variables."""
    for variable, value in zip(OF_A_REQUEST, values, strict=True):
        variable.set(value)


def begun(body: Iterable[bytes]) -> Iterable[bytes]:
    """Return the body after generating its first part."""
    parts = iter(body)
    return followed([next(parts, b"")], parts, body)


def followed(first: list[bytes], then: Iterable[bytes], body: Iterable[bytes] | None = None) -> Iterable[bytes]:
    """Return both parts in sequence. Closing the result closes the body."""
    close = getattr(then if body is None else body, "close", None)
    return ClosingIterator(chain(first, then), [close] if close else None)
