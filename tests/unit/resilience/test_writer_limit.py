"""Half of the work slots at most wait for a COMMIT; beyond that new writes are rejected at once."""

import threading
import time

import pytest

from app.errs.platform import ServiceUnavailable
from app.resilience.writer_limit import LONGEST, SHORTEST, WriterLimit
from tests.fakes.monotonic import FakeMonotonic


def test_there_is_a_place_at_least() -> None:
    with pytest.raises(ValueError, match="at least one writer"):
        WriterLimit(0)


def test_as_many_as_there_are_places_enter() -> None:
    writers = WriterLimit(2)
    for who in "ab":
        writers.enter(who)
    assert writers.unsettled == 2
    writers.leave("a")
    writers.leave("a")
    assert writers.unsettled == 1


def test_another_waits_for_one_that_leaves() -> None:
    writers = WriterLimit(1)
    writers.enter("a")
    threading.Timer(SHORTEST / 4, writers.leave, ["a"]).start()
    writers.enter("b")
    assert writers.unsettled == 1


def usual(writers: WriterLimit, clock: FakeMonotonic, seconds: float) -> None:
    """Have COMMITs take so long."""
    for _ in range(2):
        writers.enter("usual")
        clock.sleep(seconds)
        writers.leave("usual")


@pytest.mark.parametrize(("seconds", "patience"), [(0.0, SHORTEST), (0.002, SHORTEST), (0.2, 0.8), (30, LONGEST)])
def test_they_are_as_patient_as_commits_are_slow(seconds: float, patience: float) -> None:
    clock = FakeMonotonic()
    writers = WriterLimit(1, clock=clock)
    assert writers.max_wait == SHORTEST, "nothing is known yet"
    usual(writers, clock, seconds)
    assert writers.max_wait == pytest.approx(patience, rel=0.05)


@pytest.mark.parametrize("until", [SHORTEST / 4, 60])
def test_nobody_waits_longer_than_patience_or_the_deadline(until: float) -> None:
    writers = WriterLimit(1)
    writers.enter("a")
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        writers.enter("b", until=began + until)
    assert time.monotonic() - began < min(until, SHORTEST) + 0.3
    assert writers.unsettled == 1


def test_a_new_write_is_rejected_only_once_they_have_waited() -> None:
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
