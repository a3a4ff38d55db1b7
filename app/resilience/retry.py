"""Retries with exponential backoff and full jitter, bounded by attempts, time, the deadline and a retry budget.

Full jitter as in "Exponential Backoff and Jitter" (AWS, 2015): a pause is random between zero and the ceiling.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial, wraps
from itertools import count
from types import TracebackType
from typing import ParamSpec, TypeVar

from app.errs import Error
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.budget import RetryBudget
from app.resilience.event_dispatch import notify

P = ParamSpec("P")
R = TypeVar("R")


class StopReason(StrEnum):
    """The reason for no further attempt."""

    ATTEMPTS = "attempts"
    TIME = "time"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Retried:
    """An attempt failed, and another one follows after the pause, in seconds."""

    name: str
    attempts: int
    pause: float
    error: Exception


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The last attempt failed with a transient error."""

    name: str
    attempts: int
    reason: StopReason
    error: Exception


Event = Retried | GaveUp


def is_retryable(error: Exception) -> bool:
    """True if the same call may succeed later, by the error's kind; of foreign errors only network errors."""
    return error.kind.retryable if isinstance(error, Error) else isinstance(error, ConnectionError | TimeoutError)


class Attempt:
    """One of several attempts. As a ``with`` block it suppresses the error if another attempt follows, after the
    pause.
    """

    def __init__(self, number: int, pause_after: Callable[[int, Exception], float | None]) -> None:
        self.number = number
        self.pause: float | None = None
        self._pause_after = pause_after

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: TracebackType | None) -> bool:
        if isinstance(error, Exception):
            self.pause = self._pause_after(self.number, error)
        return self.pause is not None


class Retry:
    """Repeats idempotent work after transient errors: as a decorator, or attempt by attempt.

    The raised error is that of the last attempt; its fact ``attempts`` is the number of attempts. ::

        for attempt in retry.attempts():
            with attempt:
                return fetch()

    Args:
        name: the work, for the log.
        attempts: the maximum number of attempts, the first included.
        within: the time after which no attempt starts; the current deadline may end it earlier.
        initial: the ceiling of the first pause, which doubles with each attempt.
        longest: the maximum ceiling.
        budget: the retry budget, shared by all callers of the same dependency.
        is_retryable: returns true if an error is transient.
        is_free: returns true if the retry after an error does not use the budget, because the error cannot repeat.
        honors_retry_after: true if the pause that an error requests is for this service and not for its own client.
        hooks: called with every retry, and when retries are exhausted.
        monotonic: the clock, in seconds.
        sleep: waits for this number of seconds.
        chance: draws from [0, 1).

    Raises:
        ValueError: an argument is invalid.
    """

    def __init__(
        self,
        name: str,
        *,
        attempts: int = 3,
        within: timedelta = timedelta(seconds=2),
        initial: timedelta = timedelta(milliseconds=100),
        longest: timedelta = timedelta(seconds=2),
        budget: RetryBudget | None = None,
        is_retryable: Callable[[Exception], bool] = is_retryable,
        is_free: Callable[[Exception], bool] = lambda _: False,
        honors_retry_after: bool = True,
        hooks: tuple[Callable[[Event], None], ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not name or attempts < 1 or within <= timedelta(0) or not timedelta(0) <= initial <= longest:
            raise ValueError("retries have a name, an attempt at least, some time, and pauses that do not shrink")
        self.name, self._most, self._within = name, attempts, within.total_seconds()
        self._initial, self._longest = initial.total_seconds(), longest.total_seconds()
        self._budget, self._is_retryable, self._honors_retry_after = budget, is_retryable, honors_retry_after
        self._is_free = is_free
        self._hooks, self._monotonic, self._sleep, self._chance = hooks, monotonic, sleep, chance

    def __call__(self, work: Callable[P, R]) -> Callable[P, R]:
        """Return the work, retried; it must be idempotent."""

        @wraps(work)
        def retried(*args: P.args, **kwargs: P.kwargs) -> R:
            if self._budget is not None:
                self._budget.deposit()
            began = self._monotonic()
            for number in count(1):
                try:
                    return work(*args, **kwargs)
                except Exception as error:
                    pause = self._pause_after(began, number, error)
                    if pause is None:
                        raise
                self._wait(pause)
            raise AssertionError("the last attempt raises")  # pragma: no cover

        return retried

    def attempts(self, *, is_idempotent: bool = True) -> Iterator[Attempt]:
        """Yield attempts until one succeeds or raises; exactly one if the work is not idempotent."""
        if self._budget is not None:
            self._budget.deposit()
        pause_after = partial(self._pause_after, self._monotonic()) if is_idempotent else _never
        for number in count(1):
            attempt = Attempt(number, pause_after)
            yield attempt
            if attempt.pause is None:
                return
            self._wait(attempt.pause)

    def _wait(self, pause: float) -> None:
        request_timing.record_retry(self.name)
        with request_timing.stage("retry_pause"):
            self._sleep(pause)

    def _pause_after(self, began: float, number: int, error: Exception) -> float | None:
        """Return the seconds to wait, or ``None`` when this was the last attempt."""
        if self._is_retryable(error):
            pause = self._pause(number, error)
            reason = self._reason_to_stop(began, number, pause, is_free=self._is_free(error))
            if reason is None:
                notify(self._hooks, Retried(self.name, number, pause, error))
                return pause
            notify(self._hooks, GaveUp(self.name, number, reason, error))
        if isinstance(error, Error):
            error.facts = {**error.facts, "attempts": number}
        return None

    def _reason_to_stop(self, began: float, number: int, pause: float, *, is_free: bool) -> StopReason | None:
        """Return the reason for no further attempt; if there is one, it is paid from the budget."""
        left, limit = began + self._within - self._monotonic(), deadline.current.get()
        if limit is not None:
            left = min(left, limit.remaining())
        if number >= self._most:
            return StopReason.ATTEMPTS
        if pause >= left:
            return StopReason.TIME
        if self._budget is not None and not is_free and not self._budget.withdraw():
            return StopReason.BUDGET
        return None

    def _pause(self, number: int, error: Exception) -> float:
        """Return a random pause, added to the pause that the error requests."""
        requested = error.retry_after if self._honors_retry_after and isinstance(error, Error) else None
        ceiling = min(self._longest, self._initial * 2.0 ** min(number - 1, 60))
        return (requested or 0) + self._chance() * ceiling


def _never(_number: int, _error: Exception) -> None:
    """Allow no further attempt."""
