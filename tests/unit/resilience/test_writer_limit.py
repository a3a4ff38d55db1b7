"""At most half of the work slots wait for a COMMIT; further writes are rejected at once."""

import threading
import time

import pytest

from app.errs.platform import ServiceUnavailable
from app.resilience.writer_limit import LONGEST, SHORTEST, WriterLimit
from tests.fakes.monotonic import FakeMonotonic


def test_there_is_at_least_one_place() -> None:
    with pytest.raises(ValueError, match="at least one writer"):
        WriterLimit(0)


def test_as_many_writes_enter_as_there_are_places() -> None:
    writers = WriterLimit(2)
    for who in "ab":
        writers.enter(who)
    assert writers.unsettled == 2
    writers.leave("a")
    writers.leave("a")
    assert writers.unsettled == 1


def test_another_write_waits_for_a_free_place() -> None:
    writers = WriterLimit(1)
    writers.enter("a")
    threading.Timer(SHORTEST / 4, writers.leave, ["a"]).start()
    writers.enter("b")
    assert writers.unsettled == 1


def usual(writers: WriterLimit, clock: FakeMonotonic, seconds: float) -> None:
    """Record COMMITs of the given duration."""
    for _ in range(2):
        writers.enter("usual")
        clock.sleep(seconds)
        writers.leave("usual")


@pytest.mark.parametrize(("seconds", "patience"), [(0.0, SHORTEST), (0.002, SHORTEST), (0.2, 0.8), (30, LONGEST)])
def test_the_maximum_wait_follows_the_duration_of_commits(seconds: float, patience: float) -> None:
    clock = FakeMonotonic()
    writers = WriterLimit(1, clock=clock)
    assert writers.max_wait == SHORTEST, "no COMMIT is recorded yet"
    usual(writers, clock, seconds)
    assert writers.max_wait == pytest.approx(patience, rel=0.05)


@pytest.mark.parametrize("until", [SHORTEST / 4, 60])
def test_waiting_ends_at_the_maximum_wait_or_the_deadline(until: float) -> None:
    writers = WriterLimit(1)
    writers.enter("a")
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        writers.enter("b", until=began + until)
    assert time.monotonic() - began < min(until, SHORTEST) + 30
    assert writers.unsettled == 1


def test_a_new_write_is_rejected_only_after_earlier_ones_have_waited() -> None:
    clock = FakeMonotonic()
    writers = WriterLimit(2, clock=clock)
    writers.enter("a")
    writers.check()
    writers.enter("b")
    writers.check()
    clock.sleep(SHORTEST)
    with pytest.raises(ServiceUnavailable):
        writers.check()
    writers.leave("b")
    writers.check()
