"""A deadline: the moment by which all work for a request has to be done, as a value that is handed down."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.errs.platform import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A budget and the moment, on the monotonic clock in seconds, when it is spent."""

    budget: timedelta
    at: float
    is_shortened: bool = False
    """Whether the caller asked for less than the house grants: then its end proves nothing against a dependency."""

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

    def exceeded(self, spent_in: str) -> DeadlineExceeded:
        """Return the error that says where the time went."""
        return DeadlineExceeded(budget_ms=round(self.budget.total_seconds() * 1000), spent_in=spent_in)

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
