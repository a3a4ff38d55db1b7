"""The breaker against a plainer machine that keeps every result and counts them anew each time."""

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
    """A stretch of time in one state, with the outcome of each call let through in it (in order of arrival)."""

    state: State
    ends: float
    under_way: int = 0
    results: list[bool] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """Return how many calls there were."""
        return self.under_way + len(self.results)


class Model:
    """What a breaker should do, said without economy."""

    def __init__(self, probes: int, now: float) -> None:
        self.probes = probes
        self.era = Era(State.CLOSED, now + INTERVAL)
        self.turns: list[tuple[State, State]] = []

    def at(self, now: float) -> Era:
        """Return the era that it is at this moment."""
        if now >= self.era.ends:
            self.enter(State.HALF_OPEN if self.era.state is State.OPEN else self.era.state, now)
        return self.era

    def enter(self, state: State, now: float) -> None:
        """Begin an era."""
        if state is not self.era.state:
            self.turns.append((self.era.state, state))
        self.era = Era(state, now + (INTERVAL if state is State.CLOSED else REST))

    def admits(self, now: float) -> bool:
        """Tell whether one more call passes."""
        era = self.at(now)
        return era.state is State.CLOSED or (era.state is State.HALF_OPEN and era.asked < self.probes)

    def finish(self, era: Era, ok: bool | None, now: float) -> None:
        """Take note of a result, unless its era is past."""
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
        elif ok is False and era.asked >= LEAST and failures * 2 >= era.asked:
            self.enter(State.OPEN, now)


class Machine(RuleBasedStateMachine):
    """Calls begin, end in any order, and time passes."""

    calls: Bundle[tuple[Ticket, Era]] = Bundle("calls")

    @initialize(probes=st.integers(1, 3))
    def begin(self, probes: int) -> None:
        """Make both machines."""
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
        """Ask to be let through; a refused caller holds a ticket of an era that never was."""
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
        """Report a result, however late, once or twice."""
        ticket, era = call
        for _ in range(times):
            ticket.done(ok=ok)
        self.model.finish(era, ok, self.clock.now)

    @rule(seconds=st.sampled_from([0.25, 1, 2.5, REST, INTERVAL, 100]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @invariant()
    def they_agree(self) -> None:
        """State, counts and everything told are the same."""
        era = self.model.at(self.clock.now)
        assert self.breaker.state() is era.state
        successes, failures = era.results.count(True), era.results.count(False)
        row = 0
        while row < len(era.results) and era.results[-row - 1] is era.results[-1]:
            row += 1
        good, bad = (row, 0) if era.results and era.results[-1] else (0, row)
        assert self.breaker.counts == Counts(era.asked, successes, failures, good, bad)
        assert [(e.before, e.after) for e in self.told if isinstance(e, Transitioned)] == self.model.turns


TestModel = Machine.TestCase
TestModel.settings = settings(max_examples=examples(150), stateful_step_count=60, deadline=None)
