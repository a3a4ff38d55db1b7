"""The breaker, compared with a simpler model that keeps every result and counts them each time."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from app.errs.platform import ServiceUnavailable
from app.resilience.breaker import Breaker, Event, State, Ticket, Transitioned
from app.resilience.breaker_counts import Counts, fails_at
from tests.examples import examples
from tests.fakes.monotonic import FakeMonotonic

INTERVAL, REST, LEAST = 8, 5, 4


@dataclass
class Era:
    """A period in one state, with the outcome of each admitted call in order of arrival."""

    state: State
    ends: float
    under_way: int = 0
    results: list[bool] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Return the number of calls."""
        return self.under_way + len(self.results)


class Model:
    """The specified behavior of a breaker, in its simplest form."""

    def __init__(self, probes: int, now: float) -> None:
        self.probes = probes
        self.era = Era(State.CLOSED, now + INTERVAL)
        self.turns: list[tuple[State, State]] = []

    def at(self, now: float) -> Era:
        """Return the current period."""
        if now >= self.era.ends:
            self.enter(State.HALF_OPEN if self.era.state is State.OPEN else self.era.state, now)
        return self.era

    def enter(self, state: State, now: float) -> None:
        """Start a period."""
        if state is not self.era.state:
            self.turns.append((self.era.state, state))
        self.era = Era(state, now + (INTERVAL if state is State.CLOSED else REST))

    def admits(self, now: float) -> bool:
        """Return whether one more call is admitted."""
        era = self.at(now)
        return era.state is State.CLOSED or (era.state is State.HALF_OPEN and era.calls < self.probes)

    def finish(self, era: Era, ok: bool | None, now: float) -> None:
        """Record a result, unless its period is over."""
        if self.at(now) is not era:
            return
        era.under_way -= 1
        if ok is not None:
            era.results.append(ok)
        failures = era.results.count(False)
        if era.state is State.HALF_OPEN:
            if ok is False:
                self.enter(State.OPEN, now)
            elif era.results == [True] * self.probes:
                self.enter(State.CLOSED, now)
        elif ok is False and era.calls >= LEAST and failures * 2 >= era.calls:
            self.enter(State.OPEN, now)


class Machine(RuleBasedStateMachine):
    """Calls start and end in any order, and time passes."""

    calls: Bundle[tuple[Ticket, Era]] = Bundle("calls")

    @initialize(probes=st.integers(1, 3))
    def begin(self, probes: int) -> None:
        """Create the breaker and the model."""
        self.clock = FakeMonotonic()
        self.told: list[Event] = []
        self.breaker = Breaker(
            "model",
            ready_to_trip=fails_at(0.5, min_requests=LEAST),
            interval=timedelta(seconds=INTERVAL),
            open_for=timedelta(seconds=REST),
            max_probes=probes,
            hooks=(self.told.append,),
            monotonic=self.clock,
        )
        self.model = Model(probes, self.clock.now)

    @rule(target=calls)
    def call(self) -> tuple[Ticket, Era]:
        """Request admission; a rejected caller gets a ticket of a period that never existed."""
        expected = self.model.admits(self.clock.now)
        if expected:
            self.model.era.under_way += 1
            return self.breaker.allow(), self.model.era
        with pytest.raises(ServiceUnavailable) as caught:
            self.breaker.allow()
        left = self.model.era.ends - self.clock.now
        wait = -(-left // 1) if self.model.era.state is State.OPEN else 1
        assert caught.value.retry_after == max(1, wait)
        return Breaker("elsewhere").allow(), Era(State.OPEN, 0)

    @rule(call=consumes(calls), ok=st.sampled_from([True, False, False, None]), times=st.integers(1, 2))
    def finish(self, call: tuple[Ticket, Era], ok: bool | None, times: int) -> None:
        """Report a result, late or repeated."""
        ticket, era = call
        for _ in range(times):
            ticket.done(ok=ok)
        self.model.finish(era, ok, self.clock.now)

    @rule(seconds=st.sampled_from([0.25, 1, 2.5, REST, INTERVAL, 100]))
    def wait(self, seconds: float) -> None:
        """Advance the time."""
        self.clock.now += seconds

    @invariant()
    def they_agree(self) -> None:
        """State, counts and all events are the same."""
        era = self.model.at(self.clock.now)
        assert self.breaker.state() is era.state
        successes, failures = era.results.count(True), era.results.count(False)
        row = 0
        while row < len(era.results) and era.results[-row - 1] is era.results[-1]:
            row += 1
        good, bad = (row, 0) if era.results and era.results[-1] else (0, row)
        assert self.breaker.counts == Counts(era.calls, successes, failures, good, bad)
        assert [(e.before, e.after) for e in self.told if isinstance(e, Transitioned)] == self.model.turns


TestModel = Machine.TestCase
TestModel.settings = settings(max_examples=examples(150), stateful_step_count=60, deadline=None)
