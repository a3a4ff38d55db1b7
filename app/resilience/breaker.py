"""A circuit breaker: it stops calls to a failing dependency, and probes the dependency before calls resume.

With ``health_check`` a thread of this process probes the dependency; otherwise a client's call does.

The semantics are those of sony/gobreaker. Counts belong to a generation, which ends with each state transition and with
each interval while closed. A result that arrives after its generation is not counted. There is one breaker per
dependency and process.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from math import ceil
from types import TracebackType
from typing import Final, Self, TypeVar

from app.errs import Error, Kind
from app.errs.platform import ServiceUnavailable
from app.resilience import prober
from app.resilience.breaker_counts import MOSTLY_FAILS, Counts
from app.resilience.event_dispatch import notify
from app.resilience.failure_classifier import is_failure

T = TypeVar("T")


class State(StrEnum):
    """The state of a breaker, which decides if calls pass."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class _Trigger(Enum):
    """The cause of a state transition."""

    TRIPPED = "too many calls failed"
    COOLED = "the dependency was left alone for long enough"
    MENDED = "every probe succeeded"
    RELAPSED = "a probe failed"


TRANSITIONS: Final = {
    (State.CLOSED, _Trigger.TRIPPED): State.OPEN,
    (State.OPEN, _Trigger.COOLED): State.HALF_OPEN,
    (State.HALF_OPEN, _Trigger.MENDED): State.CLOSED,
    (State.HALF_OPEN, _Trigger.RELAPSED): State.OPEN,
}


@dataclass(frozen=True, slots=True)
class Transitioned:
    """A breaker changed its state because of these ``counts``; ``cause`` is the last failure before the transition."""

    name: str
    before: State
    after: State
    counts: Counts
    cause: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A breaker rejected a call."""

    name: str
    state: State


Event = Transitioned | Rejected


class Ticket:
    """The permission for one call. Report its outcome with ``done``, or use it as a ``with`` block."""

    __slots__ = ("_breaker", "generation", "is_done")

    def __init__(self, breaker: "Breaker", generation: int) -> None:
        self._breaker, self.generation, self.is_done = breaker, generation, False

    def done(self, *, ok: bool | None, cause: BaseException | None = None) -> None:
        """Report success, failure or, with ``None``, an outcome without evidence; only the first report counts."""
        self._breaker._settle(self, ok, cause)  # noqa: SLF001 -- the other half of the breaker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.report(error)

    def report(self, error: BaseException | None) -> None:
        """Report success, or the outcome that the error stands for."""
        if error is None:
            self._breaker._settle(self, True, None)  # noqa: SLF001 -- the other half of the breaker
        else:
            failed = self._breaker.is_failure(error)
            self.done(ok=None if failed is None else not failed, cause=error)


class Breaker:
    """Guards a dependency: while the dependency is known to fail, calls are rejected immediately.

    Args:
        name: the dependency, for the log.
        ready_to_trip: returns true if the counts of this interval open the breaker; called under the lock.
        is_failure: returns true if an error is the dependency's fault, and ``None`` if the error is not evidence.
        interval: how long calls are counted together while closed.
        open_for: how long no call passes while open, and how long a probe may take before the next one may start.
        max_probes: calls that pass while half-open, all of which have to succeed; zero with ``health_check``.
        health_check: raises while the dependency is down. It is called immediately when the breaker opens, then after
            each ``open_for``, until it returns. Then no client's call is a probe.
        hooks: called with every transition and rejection, outside the lock.
        monotonic: the clock, in seconds.

    Raises:
        ValueError: an argument is invalid.
    """

    def __init__(
        self,
        name: str,
        *,
        ready_to_trip: Callable[[Counts], bool] = MOSTLY_FAILS,
        is_failure: Callable[[BaseException], bool | None] = is_failure,
        interval: timedelta = timedelta(seconds=60),
        open_for: timedelta = timedelta(seconds=30),
        max_probes: int = 1,
        health_check: Callable[[], None] | None = None,
        hooks: tuple[Callable[[Event], None], ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not name or max_probes < 1 or min(interval, open_for) <= timedelta(0):
            raise ValueError("a breaker has a name, at least one probe, and positive times")
        self.name, self.is_failure = name, is_failure
        self._ready_to_trip, self._max_probes, self._hooks, self._monotonic = (
            ready_to_trip,
            max_probes,
            hooks,
            monotonic,
        )
        self.ask, self._open_for = health_check, open_for
        rest = open_for.total_seconds()
        self._lasts = {State.CLOSED: interval.total_seconds(), State.OPEN: rest, State.HALF_OPEN: rest}
        self._generation, self._ends, self._counts = 0, 0.0, Counts()
        self._reset()
        ALL.add(self)
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Reset the state. A fork does not copy threads, but it does copy the lock, which may be held."""
        self._lock = threading.Lock()
        self._untold: deque[Event] = deque()
        self._state, self._lacks_prober = State.CLOSED, False
        self._begin(self._monotonic())

    def state(self) -> State:
        """Return the current state, which time alone may have changed."""
        with self._lock:
            self._catch_up(self._monotonic())
            state = self._state
        self._notify()
        return state

    @property
    def counts(self) -> Counts:
        """Return the counts of the current generation."""
        return self._counts

    def call(self, work: Callable[[], T]) -> T:
        """Return the result of ``work``, if calls may pass.

        Raises:
            ServiceUnavailable: calls may not pass now.
        """
        with self.allow():
            return work()

    def allow(self) -> Ticket:
        """Return the permission for one call; the caller must report its outcome.

        Raises:
            ServiceUnavailable: the breaker is open, or the maximum number of probes is in flight.
        """
        with self._lock:
            now = self._monotonic()
            self._catch_up(now)
            state, wait = self._state, self._ends - now
            ticket = None
            if state is State.CLOSED or (state is State.HALF_OPEN and self._may_probe()):
                self._counts = self._counts.requested()
                ticket = Ticket(self, self._generation)
            else:
                self._untold.append(Rejected(self.name, state))
        if self._untold:
            self._notify()
        if ticket is None:
            seconds = max(1, ceil(wait)) if state is State.OPEN else 1
            raise ServiceUnavailable(retry_after=seconds, breaker=self.name, state=state.value)
        return ticket

    def probe(self) -> Ticket | None:
        """Return the permission for a probe by this process; ``None`` once the breaker is closed."""
        with self._lock:
            if self._state is State.CLOSED:
                return None
            if self._state is State.OPEN:
                self._transition(_Trigger.COOLED)
            self._counts = self._counts.requested()
            ticket = Ticket(self, self._generation)
        self._notify()
        return ticket

    def _may_probe(self) -> bool:
        return self.ask is None and self._counts.requests < self._max_probes

    def _settle(self, ticket: Ticket, ok: bool | None, cause: BaseException | None) -> None:
        with self._lock:
            self._catch_up(self._monotonic())
            if not ticket.is_done and ticket.generation == self._generation:
                ticket.is_done = True
                self._count(ok, cause)
        if self._untold:
            self._notify()

    def _count(self, ok: bool | None, cause: BaseException | None) -> None:
        is_probe = self._state is State.HALF_OPEN
        if ok is None:
            self._counts = self._counts.requested(-1)
        elif ok:
            self._counts = self._counts.succeeded()
            if is_probe and self._counts.consecutive_successes >= self._max_probes:
                self._transition(_Trigger.MENDED)
        else:
            self._counts = self._counts.failed(is_timeout=_is_timeout(cause))
            if is_probe:
                self._transition(_Trigger.RELAPSED, cause)
            elif self._ready_to_trip(self._counts):
                self._transition(_Trigger.TRIPPED, cause)

    def _catch_up(self, now: float) -> None:
        """Apply the transitions that are due by time. While half-open, a probe without a result gives way to another
        one.
        """
        if now < self._ends or (self.ask is not None and self._state is not State.CLOSED):
            return
        if self._state is State.OPEN:
            self._transition(_Trigger.COOLED)
        else:
            self._begin(now)

    def _transition(self, turn: _Trigger, cause: BaseException | None = None) -> None:
        before, self._state = self._state, TRANSITIONS[self._state, turn]
        self._lacks_prober = self.ask is not None and (before is State.CLOSED or self._lacks_prober)
        self._untold.append(Transitioned(self.name, before, self._state, self._counts, cause))
        self._begin(self._monotonic())

    def _begin(self, now: float) -> None:
        """Start a generation."""
        self._generation += 1
        self._counts = Counts()
        self._ends = now + self._lasts[self._state]

    def _notify(self) -> None:
        while True:
            try:
                event = self._untold.popleft()
            except IndexError:
                break
            notify(self._hooks, event)
        if self._lacks_prober:
            self._start_probing()

    def _start_probing(self) -> None:
        """Start the prober. If the process can't start a thread, the next rejected call tries again."""
        with self._lock:
            lacks, self._lacks_prober = self._lacks_prober, False
        try:
            if lacks:
                prober.start(self, every=self._open_for)
        except RuntimeError:
            self._lacks_prober = True


def _is_timeout(cause: BaseException | None) -> bool:
    """Return true if the dependency did not respond. One that responded by ending the work is marked
    ``is_answered``.
    """
    return isinstance(cause, Error) and cause.kind is Kind.DEADLINE and not cause.facts.get("is_answered")


ALL: Final[weakref.WeakSet[Breaker]] = weakref.WeakSet()
"""Every breaker of this process, for inspection."""
