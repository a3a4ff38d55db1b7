"""The admission queue: bursts wait, a standing queue is rejected. The test sets the time."""

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resilience.admission_queue import INTERVAL, TARGET, AdmissionQueue

T = TypeVar("T")


class Time:
    """Monotonic seconds that the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the current time."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Return the clock of the queue."""
    return Time()


@pytest.fixture
def line(time: Time) -> AdmissionQueue[str]:
    """Return an empty queue."""
    return AdmissionQueue(clock=time)


def late(line: AdmissionQueue[T]) -> list[T]:
    """Return the entries that are admitted."""
    return [item for item, _ in line.pop_expired()]


class TestNext:
    def test_ok(self, line: AdmissionQueue[str]) -> None:
        line.put("first")
        line.put("second")
        assert (len(line), line.get(), line.get(), len(line)) == (2, "first", "second", 0)

    def test_an_empty_queue_has_no_next_entry(self, line: AdmissionQueue[str]) -> None:
        with pytest.raises(IndexError):
            line.get()


class TestLate:
    def test_late_entries_report_how_long_they_have_waited(self, line: AdmissionQueue[str], time: Time) -> None:
        line.put("first")
        time.now += INTERVAL + 0.5
        assert [*line.pop_expired()] == [("first", INTERVAL + 0.5)]

    def test_a_burst_may_wait_for_the_interval(self, line: AdmissionQueue[str], time: Time) -> None:
        line.put("first")
        line.put("second")
        time.now += INTERVAL - 0.001
        assert late(line) == []
        time.now += 0.001
        assert late(line) == ["first", "second"]

    def test_an_entry_of_a_standing_queue_may_wait_for_the_target(self, line: AdmissionQueue[str], time: Time) -> None:
        line.put("first")
        time.now += INTERVAL - TARGET / 2
        line.put("second")
        assert line.get() == "first"
        time.now += TARGET - 0.001
        assert late(line) == []
        time.now += 0.001
        assert late(line) == ["second"]

    def test_an_empty_queue_resets_the_allowed_wait(self, line: AdmissionQueue[str], time: Time) -> None:
        line.put("first")
        time.now += INTERVAL
        assert late(line) == ["first"]
        line.put("second")
        time.now += INTERVAL - 0.001
        assert late(line) == []


class TestWait:
    def test_ok(self, line: AdmissionQueue[str], time: Time) -> None:
        assert line.seconds_to_expiry() == float("inf")
        line.put("first")
        assert line.seconds_to_expiry() == pytest.approx(INTERVAL)
        time.now += INTERVAL
        assert line.seconds_to_expiry() <= 0


@given(st.lists(st.tuples(st.sampled_from(["join", "next", "late"]), st.floats(0, 0.3)), max_size=60))
def test_no_entry_is_lost_served_twice_overtaken_or_kept_when_late(
    steps: list[tuple[str, float]],
) -> None:
    time = Time()
    line: AdmissionQueue[int] = AdmissionQueue(clock=time)
    joined, gone = 0, list[int]()
    for act, seconds in steps:
        time.now += seconds
        if act == "join":
            line.put(joined)
            joined += 1
        elif act == "late":
            gone += late(line)
            assert line.seconds_to_expiry() > 0
        elif len(line):
            gone.append(line.get())
    assert gone == [*range(len(gone))]
    assert len(gone) + len(line) == joined


@pytest.mark.parametrize(("interval", "target"), [(0.1, 0), (0.1, -1), (0.1, 0.2)])
def test_invalid_arguments_are_rejected(interval: float, target: float) -> None:
    with pytest.raises(ValueError, match="the target is positive"):
        AdmissionQueue[int](interval=interval, target=target)
