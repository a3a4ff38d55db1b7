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
class Trail:
    """Seconds by hop, with the names that ``spent_in`` of a 504 has, and repetitions by what was repeated."""

    spent: dict[str, float] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        """Return what a line says of it."""
        spent = {hop: round(seconds * 1000, 3) for hop, seconds in self.spent.items()}
        return {"spent_ms": spent or None, "retries": self.retries or None}


current: Final[ContextVar[Trail | None]] = ContextVar("trail", default=None)
"""The trail of the request that this work is done for."""


def begin() -> Trail:
    """Return the new trail of the request at hand."""
    trail = Trail()
    current.set(trail)
    return trail


@contextmanager
def spending(hop: str) -> Iterator[None]:
    """Add the time that the block takes."""
    began = time.perf_counter()
    try:
        yield
    finally:
        spent(hop, time.perf_counter() - began)


def timed(hop: str, work: Callable[P, R]) -> Callable[P, R]:
    """Return the work, which adds the time that it takes."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            spent(hop, time.perf_counter() - began)

    return run


def spent(hop: str, seconds: float) -> None:
    """Add to what was spent in a hop; nothing where the work is done for no request."""
    trail = current.get()
    if trail is not None:
        trail.spent[hop] = trail.spent.get(hop, 0.0) + seconds


def repeated(what: str) -> None:
    """Add that something failed and is done again."""
    trail = current.get()
    if trail is not None:
        trail.retries[what] = trail.retries.get(what, 0) + 1
