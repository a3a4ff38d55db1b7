"""A deadline: the time by which all work for a request must end, passed along as a value."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from app.errs.platform import DeadlineExceeded


@dataclass(slots=True, eq=False)
class Deadline:
    """A time budget and its end, in seconds of the monotonic clock; cut if the client no longer waits."""

    budget: timedelta
    at: float
    is_shortened: bool = False
    """True if the caller requested less than the default budget. Its end is then not evidence against a dependency."""
    _interrupts: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def after(cls, budget: timedelta, *, is_shortened: bool = False, since: float | None = None) -> "Deadline":
        """Return the deadline at the end of a budget that starts now, or that started at a time.

        Raises:
            ValueError: the budget is not positive.
        """
        if budget <= timedelta(0):
            raise ValueError("a budget is positive")
        start = time.monotonic() if since is None else since
        return cls(budget, start + budget.total_seconds(), is_shortened)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True if the budget is spent."""
        return time.monotonic() >= self.at

    def cut(self) -> None:
        """End the budget now because no client waits for the result, and interrupt the work in flight."""
        self.at, self.is_shortened = min(self.at, time.monotonic()), True
        with self._lock:
            for interrupt in self._interrupts:
                interrupt()

    def on_cut(self, interrupt: Callable[[], None]) -> Callable[[], None]:
        """Call ``interrupt`` when the deadline is cut. Return a function that cancels this, or waits until it is
        done.
        """
        with self._lock:
            self._interrupts.append(interrupt)

        def forget() -> None:
            with self._lock:
                self._interrupts.remove(interrupt)

        return forget

    def exceeded(self, spent_in: str) -> DeadlineExceeded:
        """Return the error that names the stage in ``spent_in``. It is a client error if the caller set the budget."""
        error = DeadlineExceeded(budget_ms=round(self.budget.total_seconds() * 1000), spent_in=spent_in)
        error.is_callers = self.is_shortened
        return error

    def check(self, spent_in: str) -> None:
        """Raise if no time is left.

        Raises:
            DeadlineExceeded: the budget is spent.
        """
        if self.is_over:
            raise self.exceeded(spent_in)


current: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)
"""The deadline of the current request."""
began_at: Final[ContextVar[float | None]] = ContextVar("began_at", default=None)
"""When the head of the current request arrived, if the server then waited for the body (monotonic seconds)."""


@contextmanager
def within(budget: timedelta) -> Iterator[None]:
    """Give the work of this block its own budget, unless the current deadline ends earlier."""
    outer, inner = current.get(), Deadline.after(budget)
    token = current.set(outer if outer is not None and outer.at <= inner.at else inner)
    try:
        yield
    finally:
        current.reset(token)
