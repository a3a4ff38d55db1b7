"""The circuit breaker, transition by transition, on a clock that the test sets."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.errs.platform import ExternalServiceError, ServiceUnavailable
from app.errs.tasks import TaskNotFound
from app.resilience.breaker import Breaker, Event, Rejected, State, Transitioned
from app.resilience.breaker_counts import Counts
from tests.captured_log import logged
from tests.fakes.monotonic import FakeMonotonic

INTERVAL = 60
REST = 30
LEAST = 20
DOWN = ExternalServiceError()


class Events(list[Event]):
    """The events that the hooks received."""

    @property
    def transitions(self) -> list[tuple[State, State]]:
        """Return the transitions, in order."""
        return [(event.before, event.after) for event in self if isinstance(event, Transitioned)]


@pytest.fixture
def clock() -> FakeMonotonic:
    return FakeMonotonic()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def breaker(clock: FakeMonotonic, events: Events) -> Breaker:
    return Breaker("users", hooks=(events.append,), monotonic=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.allow().done(ok=False)


def succeed(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.allow().done(ok=True)


def trip(breaker: Breaker) -> None:
    while breaker.state() is State.CLOSED:
        fail(breaker)


def half_open(breaker: Breaker, clock: FakeMonotonic) -> None:
    trip(breaker)
    clock.now += REST


def raised(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


class TestClosed:
    def test_ok(self, breaker: Breaker) -> None:
        assert breaker.call(lambda: "done") == "done"
        assert (breaker.state(), breaker.counts) == (State.CLOSED, Counts(1, 1, 0, 1, 0))

    def test_it_opens_when_most_of_twenty_calls_have_failed(self, breaker: Breaker, events: Events) -> None:
        """The event contains the counts."""
        succeed(breaker, 8)
        fail(breaker, 11)
        assert breaker.state() is State.CLOSED
        fail(breaker)
        assert breaker.state() is State.OPEN
        assert events == [Transitioned("users", State.CLOSED, State.OPEN, Counts(20, 8, 12, 0, 12))]

    def test_nineteen_failures_are_too_few(self, breaker: Breaker) -> None:
        fail(breaker, LEAST - 1)
        assert breaker.state() is State.CLOSED

    def test_failures_up_to_half_of_the_calls_are_tolerated(self, breaker: Breaker) -> None:
        for _ in range(100):
            succeed(breaker)
            fail(breaker)
        assert breaker.state() is State.CLOSED

    def test_each_interval_is_counted_separately(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        fail(breaker, LEAST - 1)
        clock.now += INTERVAL
        fail(breaker)
        assert (breaker.state(), breaker.counts) == (State.CLOSED, Counts(1, 0, 1, 0, 1))

    def test_a_result_of_an_earlier_interval_is_not_counted(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        late = breaker.allow()
        clock.now += INTERVAL
        late.done(ok=False)
        assert breaker.counts == Counts()

    def test_a_ticket_is_settled_once(self, breaker: Breaker) -> None:
        ticket = breaker.allow()
        ticket.done(ok=False)
        ticket.done(ok=False)
        ticket.done(ok=True)
        assert breaker.counts == Counts(1, 0, 1, 0, 1)

    def test_a_neutral_result_is_not_counted_as_a_call(self, breaker: Breaker) -> None:
        breaker.allow().done(ok=None)
        assert breaker.counts == Counts()


class TestOpen:
    def test_ok(self, breaker: Breaker, clock: FakeMonotonic, events: Events) -> None:
        fail(breaker, LEAST)
        with pytest.raises(ServiceUnavailable) as caught:
            breaker.call(pytest.fail)
        assert (caught.value.retry_after, caught.value.facts) == (REST, {"breaker": "users", "state": "open"})
        assert events[1:] == [Rejected("users", State.OPEN)]

    @pytest.mark.parametrize(("passed", "seconds"), [(0.5, 30), (1, 29), (28.5, 2), (29.999, 1)])
    def test_a_rejection_has_the_time_of_the_next_probe(
        self, breaker: Breaker, clock: FakeMonotonic, passed: float, seconds: int
    ) -> None:
        fail(breaker, LEAST)
        clock.now += passed
        with pytest.raises(ServiceUnavailable) as caught:
            breaker.allow()
        assert caught.value.retry_after == seconds

    def test_late_results_do_not_keep_it_open(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        late = [breaker.allow() for _ in range(5)]
        trip(breaker)
        clock.now += REST - 1
        for ticket in late:
            ticket.done(ok=False)
        clock.now += 1
        assert breaker.state() is State.HALF_OPEN

    def test_a_rejection_does_not_reveal_the_dependency_to_clients(self) -> None:
        """Facts that a class does not declare are only logged."""
        assert not ServiceUnavailable.declared_facts


class TestHalfOpen:
    def test_ok(self, breaker: Breaker, clock: FakeMonotonic, events: Events) -> None:
        half_open(breaker, clock)
        assert breaker.call(lambda: 1) == 1
        assert (breaker.state(), breaker.counts) == (State.CLOSED, Counts())
        assert events.transitions == [
            (State.CLOSED, State.OPEN),
            (State.OPEN, State.HALF_OPEN),
            (State.HALF_OPEN, State.CLOSED),
        ]

    def test_a_failed_probe_opens_it_again(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        half_open(breaker, clock)
        fail(breaker)
        with pytest.raises(ServiceUnavailable) as caught:
            breaker.allow()
        assert (breaker.state(), caught.value.retry_after) == (State.OPEN, REST)

    def test_other_calls_are_rejected_during_a_probe(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        half_open(breaker, clock)
        probe = breaker.allow()
        with pytest.raises(ServiceUnavailable) as caught:
            breaker.allow()
        assert (caught.value.retry_after, caught.value.facts["state"]) == (1, "half-open")
        probe.done(ok=True)
        succeed(breaker)

    def test_it_closes_after_the_configured_number_of_successful_probes(self, clock: FakeMonotonic) -> None:
        breaker = Breaker("users", max_probes=3, monotonic=clock)
        half_open(breaker, clock)
        probes = [breaker.allow() for _ in range(3)]
        with pytest.raises(ServiceUnavailable):
            breaker.allow()
        for probe in probes:
            assert breaker.state() is State.HALF_OPEN
            probe.done(ok=True)
        assert breaker.state() is State.CLOSED

    def test_a_late_success_of_an_earlier_state_does_not_close_it(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        late = breaker.allow()
        half_open(breaker, clock)
        probe = breaker.allow()
        late.done(ok=True)
        assert breaker.state() is State.HALF_OPEN
        probe.done(ok=True)

    @pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_a_probe_of_a_dead_caller_is_replaced(
        self, breaker: Breaker, clock: FakeMonotonic, death: type[BaseException]
    ) -> None:
        half_open(breaker, clock)
        with pytest.raises(death):
            breaker.call(raised(death()))
        assert breaker.state() is State.HALF_OPEN
        succeed(breaker)
        assert breaker.state() is State.CLOSED

    def test_a_probe_that_never_reports_is_replaced_after_a_while(self, breaker: Breaker, clock: FakeMonotonic) -> None:
        half_open(breaker, clock)
        lost = breaker.allow()
        clock.now += REST
        found = breaker.allow()
        lost.done(ok=False)
        assert breaker.state() is State.HALF_OPEN
        found.done(ok=True)
        assert breaker.state() is State.CLOSED

    def test_one_of_two_hundred_callers_probes(self, breaker: Breaker, clock: FakeMonotonic, events: Events) -> None:
        """One call probes; the others do not wait for it."""
        half_open(breaker, clock)
        callers, refused, release = 200, threading.Semaphore(0), threading.Event()
        ran: list[int] = []
        gate = threading.Barrier(callers)

        def work() -> None:
            ran.append(1)
            assert release.wait(30)

        def call() -> None:
            gate.wait()
            try:
                breaker.call(work)
            except ServiceUnavailable:
                refused.release()

        threads = [threading.Thread(target=call) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for _ in range(callers - 1):
            assert refused.acquire(timeout=30)
        release.set()
        for thread in threads:
            thread.join()
        assert ran == [1]
        assert breaker.state() is State.CLOSED
        assert events.count(Rejected("users", State.HALF_OPEN)) == callers - 1


class TestCall:
    @pytest.mark.parametrize(
        ("error", "counts"),
        [
            (DOWN, Counts(1, 0, 1, 0, 1)),
            (ConnectionResetError(), Counts(1, 0, 1, 0, 1)),
            (TaskNotFound(), Counts(1, 1, 0, 1, 0)),
            (KeyError(), Counts()),
        ],
    )
    def test_an_error_propagates_and_is_counted_by_its_class(
        self, breaker: Breaker, error: Exception, counts: Counts
    ) -> None:
        with pytest.raises(type(error)) as caught:
            breaker.call(raised(error))
        assert caught.value is error
        assert breaker.counts == counts

    def test_the_failure_classifier_can_be_replaced(self) -> None:
        breaker = Breaker("users", is_failure=lambda error: isinstance(error, KeyError))
        with pytest.raises(KeyError):
            breaker.call(raised(KeyError()))
        assert breaker.counts.total_failures == 1

    def test_the_failure_that_opens_it_is_reported(
        self, breaker: Breaker, clock: FakeMonotonic, events: Events
    ) -> None:
        fail(breaker, LEAST - 1)
        with pytest.raises(type(DOWN)):
            breaker.call(raised(DOWN))
        clock.now += REST
        relapse = ConnectionResetError()
        with pytest.raises(ConnectionResetError):
            breaker.call(raised(relapse))
        causes = [event.cause for event in events if isinstance(event, Transitioned)]
        assert causes == [DOWN, None, relapse]

    def test_work_runs_outside_the_lock(self, breaker: Breaker) -> None:
        assert breaker.call(lambda: breaker.call(breaker.state)) is State.CLOSED


class TestHooks:
    def test_a_hook_that_raises_has_no_effect(self, clock: FakeMonotonic, events: Events, caplog: Any) -> None:
        def broken(event: Event) -> None:
            raise KeyError(event)

        breaker = Breaker("users", hooks=(broken, events.append), monotonic=clock)
        fail(breaker, LEAST)
        assert events.transitions == [(State.CLOSED, State.OPEN)]
        assert [each.message for each in logged(caplog, "candor.resilience")] == ["a hook failed at Transitioned"]

    def test_a_hook_can_query_the_breaker(self, clock: FakeMonotonic) -> None:
        seen: list[State] = []
        watched = Breaker("users", hooks=(lambda _: seen.append(watched.state()),), monotonic=clock)
        fail(watched, LEAST)
        assert seen == [State.OPEN]

    def test_a_late_result_reports_a_breaker_that_can_probe(
        self, breaker: Breaker, clock: FakeMonotonic, events: Events
    ) -> None:
        late = breaker.allow()
        half_open(breaker, clock)
        late.done(ok=True)
        assert events.transitions[-1] == (State.OPEN, State.HALF_OPEN)

    @pytest.mark.parametrize(
        "event", [Transitioned("a", State.OPEN, State.CLOSED, Counts()), Rejected("a", State.OPEN)]
    )
    def test_events_are_immutable(self, event: Event) -> None:
        with pytest.raises(AttributeError):
            event.name = "b"  # type: ignore[misc]  # tested here


class TestConstruction:
    @pytest.mark.parametrize(
        "asked",
        [
            {"name": ""},
            {"max_probes": 0},
            {"interval": timedelta(0)},
            {"open_for": timedelta(seconds=-1)},
        ],
    )
    def test_invalid_arguments_are_rejected(self, asked: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="a breaker has a name"):
            Breaker(**{"name": "users", **asked})


class TestFork:
    def test_a_child_process_starts_fresh_even_if_the_lock_was_held(self) -> None:
        breaker = Breaker("users")
        trip(breaker)
        with breaker._lock:
            child = os.fork()
            if child == 0:
                os._exit(0 if breaker.state() is State.CLOSED and breaker.call(lambda: True) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert breaker.state() is State.OPEN
