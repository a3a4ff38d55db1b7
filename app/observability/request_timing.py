"""What a request spends its time on, and what is done again for it; each room adds what it knows, hop by hop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RequestTimings:
    """Seconds by hop, with the names that ``spent_in`` of a 504 has, and repetitions by what was repeated."""

    spent: dict[str, float] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        """Return what a line says of it."""
        spent = {name: round(seconds * 1000, 3) for name, seconds in self.spent.items()}
        return {"spent_ms": spent or None, "retries": self.retries or None}


current: Final[ContextVar[RequestTimings | None]] = ContextVar("request_timings", default=None)
"""The trail of the request that this work is done for."""


def begin() -> RequestTimings:
    """Return the new trail of the request at hand."""
    timings = RequestTimings()
    current.set(timings)
    return timings


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time that the block takes."""
    began = time.perf_counter()
    try:
        yield
    finally:
        record_stage(name, time.perf_counter() - began)


def timed(stage_name: str, work: Callable[P, R]) -> Callable[P, R]:
    """Return the work, which adds the time that it takes."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            record_stage(stage_name, time.perf_counter() - began)

    return run


def record_stage(name: str, seconds: float) -> None:
    """Add to what was spent in a hop; nothing where the work is done for no request."""
    timings = current.get()
    if timings is not None:
        timings.spent[name] = timings.spent.get(name, 0.0) + seconds


def record_retry(what: str) -> None:
    """Add that something failed and is done again."""
    timings = current.get()
    if timings is not None:
        timings.retries[what] = timings.retries.get(what, 0) + 1
