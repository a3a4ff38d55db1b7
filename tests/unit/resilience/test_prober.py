"""The prober: while a breaker is open, the process itself probes; a client call is never the probe."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from app.errs.platform import DeadlineExceeded, ServiceUnavailable
from app.resilience.breaker import Breaker, State
from app.resilience.breaker_counts import Counts

SOON = timedelta(milliseconds=30)
DOWN = ServiceUnavailable(sqlstate="08006")
LATE = DeadlineExceeded(budget_ms=10, spent_in="database")


class Dependency:
    """A dependency that is down until it is switched on, and counts its calls."""

    def __init__(self) -> None:
        self.is_back = False
        self.asked = 0
        self.by: set[str] = set()

    def __call__(self) -> None:
        self.asked += 1
        self.by.add(threading.current_thread().name)
        if not self.is_back:
            raise ServiceUnavailable(sqlstate="08006")


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


def one_is_enough(counts: Counts) -> bool:
    return counts.consecutive_failures >= 1


@pytest.fixture
def breaker(dependency: Dependency) -> Breaker:
    return Breaker("users", ready_to_trip=one_is_enough, open_for=SOON, health_check=dependency)


def soon(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


class TestProbing:
    def test_it_continues_until_the_dependency_answers(self, breaker: Breaker, dependency: Dependency) -> None:
        breaker.allow().done(ok=False, cause=DOWN)
        soon(lambda: dependency.asked >= 3)
        assert breaker.state() is not State.CLOSED
        dependency.is_back = True
        soon(lambda: breaker.state() is State.CLOSED)
        asked = dependency.asked
        time.sleep(3 * SOON.total_seconds())
        assert (dependency.asked, dependency.by) == (asked, {"probe users"})

    def test_every_call_is_rejected_meanwhile(self, breaker: Breaker, dependency: Dependency) -> None:
        breaker.allow().done(ok=False, cause=DOWN)
        until = time.monotonic() + 5 * SOON.total_seconds()
        while time.monotonic() < until:
            with pytest.raises(ServiceUnavailable):
                breaker.allow()
        dependency.is_back = True
        soon(lambda: breaker.state() is State.CLOSED)

    def test_it_probes_again_when_the_breaker_reopens(self, breaker: Breaker, dependency: Dependency) -> None:
        dependency.is_back = True
        for times in range(1, 6):
            breaker.allow().done(ok=False, cause=DOWN)
            soon(lambda: breaker.state() is State.CLOSED)
            assert dependency.asked == times

    def test_a_deleted_breaker_is_not_probed(self, dependency: Dependency) -> None:
        breaker = Breaker("gone", ready_to_trip=one_is_enough, open_for=SOON, health_check=dependency)
        breaker.allow().done(ok=False, cause=DOWN)
        soon(lambda: dependency.asked >= 1)
        gone = weakref.ref(breaker)
        del breaker

        def is_gone() -> bool:
            gc.collect()
            return gone() is None

        soon(is_gone)
        soon(lambda: not any(thread.name == "probe gone" for thread in threading.enumerate()))


class TestWithoutThread:
    """The process cannot start more threads when the breaker opens."""

    @pytest.fixture
    def failing_start(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
        """Make the start of probe threads fail until undone."""
        start = threading.Thread.start

        def fail_to_start(thread: threading.Thread) -> None:
            if thread.name.startswith("probe "):
                raise RuntimeError("can't start new thread")
            start(thread)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail_to_start)
            yield patch

    def test_the_failure_is_reported_unchanged(self, breaker: Breaker, failing_start: pytest.MonkeyPatch) -> None:
        breaker.allow().done(ok=False, cause=DOWN)
        assert breaker.state() is State.OPEN

    def test_the_next_call_starts_the_prober(
        self, breaker: Breaker, dependency: Dependency, failing_start: pytest.MonkeyPatch
    ) -> None:
        dependency.is_back = True
        breaker.allow().done(ok=False, cause=DOWN)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                breaker.allow()
        failing_start.undo()
        with pytest.raises(ServiceUnavailable):
            breaker.allow()
        soon(lambda: breaker.state() is State.CLOSED)
        assert dependency.asked == 1

    def test_a_running_prober_is_not_started_again(self, breaker: Breaker, dependency: Dependency) -> None:
        breaker.allow().done(ok=False, cause=DOWN)
        for _ in range(50):
            with pytest.raises(ServiceUnavailable):
                breaker.allow()
        assert len([each for each in threading.enumerate() if each.name == "probe users"]) <= 1
        dependency.is_back = True
        soon(lambda: breaker.state() is State.CLOSED)


class TestTimeouts:
    def test_consecutive_timeouts_are_counted(self) -> None:
        counts = Counts().failed(is_timeout=True).failed().failed(is_timeout=True)
        assert (counts.consecutive_failures, counts.consecutive_timeouts) == (3, 2)
        assert counts.succeeded().consecutive_timeouts == 0

    def test_timeouts_are_recognized_by_their_cause(self) -> None:
        breaker = Breaker("database")
        breaker.allow().done(ok=False, cause=LATE)
        breaker.allow().done(ok=False, cause=DOWN)
        assert (breaker.counts.consecutive_failures, breaker.counts.consecutive_timeouts) == (2, 1)
