"""Simulated errors: the requests of a series that fail, and their delay."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest

from app.resilience import deadline, simulation
from app.resilience.bulkhead import Bulkhead
from app.resilience.deadline import Deadline
from app.resilience.in_memory_rate_limit_store import InMemoryRateLimitStore
from tests.fakes.monotonic import FakeMonotonic


@pytest.fixture
def clock() -> FakeMonotonic:
    """Return a clock that the test sets."""
    return FakeMonotonic()


@pytest.fixture
def windows(clock: FakeMonotonic) -> InMemoryRateLimitStore:
    """Return a store that uses the clock."""
    return InMemoryRateLimitStore(monotonic=clock)


@pytest.fixture
def limit() -> Iterator[Deadline]:
    """Return the deadline of a request."""
    token = deadline.current.set(Deadline.after(timedelta(seconds=0.3)))
    found = deadline.current.get()
    assert found is not None
    yield found
    deadline.current.reset(token)


def due(windows: InMemoryRateLimitStore, after: int, caller: str = "token", operation: str = "GET /") -> bool:
    return simulation.is_due(windows, after, caller=caller, operation=operation)


class TestSeries:
    def test_without_after_each_request_fails_and_none_is_counted(self, windows: InMemoryRateLimitStore) -> None:
        assert [due(windows, 0) for _ in range(3)] == [True] * 3
        assert due(windows, 1) is False

    def test_the_first_request_passes_and_all_later_ones_fail(self, windows: InMemoryRateLimitStore) -> None:
        assert [due(windows, 2) for _ in range(5)] == [False, False, True, True, True]

    def test_each_caller_and_each_operation_has_its_own_count(self, windows: InMemoryRateLimitStore) -> None:
        assert due(windows, 1) is False
        assert due(windows, 1, caller="another") is False
        assert due(windows, 1, operation="POST /") is False
        assert due(windows, 1) is True

    def test_a_series_ends_ten_minutes_after_its_first_request(
        self, windows: InMemoryRateLimitStore, clock: FakeMonotonic
    ) -> None:
        assert due(windows, 1) is False
        clock.sleep(599)
        assert due(windows, 1) is True
        clock.sleep(1)
        assert due(windows, 1) is False


class TestDelay:
    def test_ok(self, limit: Deadline) -> None:
        limit.at += 60
        began = time.monotonic()
        assert simulation.wait(0.05, nullcontext()) is None
        assert 0.05 <= time.monotonic() - began < 10

    def test_it_ends_at_the_deadline(self, limit: Deadline) -> None:
        began = time.monotonic()
        late = simulation.wait(60, nullcontext())
        assert time.monotonic() - began < 10
        assert late is not None
        assert late.facts == {"budget_ms": 300, "spent_in": "simulation"}

    def test_it_ends_when_the_client_disconnects(self, limit: Deadline) -> None:
        limit.at += 60
        threading.Timer(0.05, limit.cut).start()
        began = time.monotonic()
        assert simulation.wait(30, nullcontext()) is not None
        assert time.monotonic() - began < 20

    def test_it_holds_a_slot(self, limit: Deadline) -> None:
        limit.at += 60
        slots = Bulkhead(1, queue=0)
        waiting = threading.Thread(target=within(limit, lambda: simulation.wait(0.2, slots)))
        waiting.start()
        until = time.monotonic() + 5
        while not slots.in_use and time.monotonic() < until:
            time.sleep(0.005)
        assert slots.in_use == 1
        waiting.join()
        assert slots.in_use == 0

    def test_without_a_request_there_is_no_delay(self) -> None:
        with pytest.raises(LookupError):
            simulation.wait(1, nullcontext())


def within(limit: Deadline, work: Callable[[], object]) -> Callable[[], None]:
    """Return a function that runs work with a deadline in another thread."""

    def run() -> None:
        deadline.current.set(limit)
        work()

    return run
