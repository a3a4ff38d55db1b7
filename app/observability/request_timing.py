"""Time per stage and retries of a request; each layer adds its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class RequestTimings:
    """Seconds by stage, with the names that ``spent_in`` of a 504 has, and retries by work."""

    spent: dict[str, float] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        """Return the fields of the log entry."""
        if not self.spent:
            return {"spent_ms": None, "retries": self.retries or None}
        spent = {name: round(seconds * 1000, 3) for name, seconds in self.spent.items()}
        return {"spent_ms": spent or None, "retries": self.retries or None}


current: Final[ContextVar[RequestTimings | None]] = ContextVar("request_timings", default=None)
"""The timings of the current request."""


def begin() -> RequestTimings:
    """Set and return new timings for the current request."""
    timings = RequestTimings()
    current.set(timings)
    return timings


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the duration of the block."""
    began = time.perf_counter()
    try:
        yield
    finally:
        record_stage(name, time.perf_counter() - began)


def timed(stage_name: str, work: Callable[P, R]) -> Callable[P, R]:
    """Return the work, which then adds its duration."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            record_stage(stage_name, time.perf_counter() - began)

    return run


def record_stage(name: str, seconds: float) -> None:
    """Add seconds to a stage; do nothing outside of a request."""
    timings = current.get()
    if timings is not None:
        timings.spent[name] = timings.spent.get(name, 0.0) + seconds


def record_retry(what: str) -> None:
    """Count a retry of this work."""
    timings = current.get()
    if timings is not None:
        timings.retries[what] = timings.retries.get(what, 0) + 1
