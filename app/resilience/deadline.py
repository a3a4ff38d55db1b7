"""A deadline: the moment by which all work for a request has to be done, as a value that is handed down."""

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
    """A budget and the moment, on the monotonic clock in seconds, when it is spent; cut, if nobody waits any more."""

    budget: timedelta
    at: float
    is_shortened: bool = False
    """Whether the caller asked for less than the house grants: then its end proves nothing against a dependency."""
    _interrupts: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def after(cls, budget: timedelta, *, is_shortened: bool = False) -> "Deadline":
        """Return the deadline that lies one budget ahead.

        Raises:
            ValueError: the budget is not positive.
        """
        if budget <= timedelta(0):
            raise ValueError("a budget is positive")
        return cls(budget, time.monotonic() + budget.total_seconds(), is_shortened)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Tell whether the budget is spent."""
        return time.monotonic() >= self.at

    def cut(self) -> None:
        """End it now, since nobody waits for the outcome any more, and interrupt what is under way."""
        self.at, self.is_shortened = min(self.at, time.monotonic()), True
        with self._lock:
            for interrupt in self._interrupts:
                interrupt()

    def on_cut(self, interrupt: Callable[[], None]) -> Callable[[], None]:
        """Have this called when the deadline is cut; return what takes that back, or waits until it is done."""
        with self._lock:
            self._interrupts.append(interrupt)

        def forget() -> None:
            with self._lock:
                self._interrupts.remove(interrupt)

        return forget

    def exceeded(self, spent_in: str) -> DeadlineExceeded:
        """Return the error that says where the time went; it is the caller's fault if the caller has set the budget."""
        error = DeadlineExceeded(budget_ms=round(self.budget.total_seconds() * 1000), spent_in=spent_in)
        error.is_callers = self.is_shortened
        return error

    def check(self, spent_in: str) -> None:
        """Go on only while there is time left.

        Raises:
            DeadlineExceeded: there is none.
        """
        if self.is_over:
            raise self.exceeded(spent_in)


current: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)
"""The deadline of the request that this work is done for."""


@contextmanager
def within(budget: timedelta) -> Iterator[None]:
    """Give the work of this block a budget of its own, where the deadline in force does not come first."""
    outer, inner = current.get(), Deadline.after(budget)
    token = current.set(outer if outer is not None and outer.at <= inner.at else inner)
    try:
        yield
    finally:
        current.reset(token)
