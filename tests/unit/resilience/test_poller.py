"""Asks again and again, whatever comes of it."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.errs.platform import ServiceUnavailable
from app.resilience import deadline
from app.resilience.poller import BUDGET, Poller

OFTEN = timedelta(milliseconds=1)
Start = Callable[[Callable[[], None]], Poller]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a poller, which ends with the test."""
    started: list[Poller] = []

    def begin(poll: Callable[[], None]) -> Poller:
        started.append(Poller("a poller", poll, every=OFTEN))
        started[-1].start()
        return started[-1]

    yield begin
    for poller in started:
        poller.stop()


class Polled:
    """Counts, and raises what it is given."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.raises = raises
        self.enough = threading.Event()
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self.times == 3:
            self.enough.set()
        if self.raises:
            raise self.raises


def test_ok(start: Start) -> None:
    polled = Polled()
    start(polled)
    assert polled.enough.wait(10)


def test_the_first_answer_is_there_once_it_has_begun(start: Start) -> None:
    """Who has just started to serve knows what was revoked before."""
    threads: list[int] = []
    start(lambda: threads.append(threading.get_ident()))
    assert threads[0] == threading.get_ident()


def test_what_is_out_of_reach_is_asked_again_without_a_word(start: Start, caplog: Any) -> None:
    polled = Polled(ServiceUnavailable(retry_after=1))
    start(polled)
    assert polled.enough.wait(10)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


def test_a_bug_is_told_and_does_not_end_it(start: Start, caplog: Any) -> None:
    polled = Polled(RuntimeError("a bug"))
    start(polled)
    assert polled.enough.wait(10)
    assert {record.message for record in caplog.records} == {"a poller failed"}


def test_each_question_has_a_budget_of_its_own(start: Start) -> None:
    budgets: list[float] = []
    asked = threading.Event()

    def poll() -> None:
        limit = deadline.current.get()
        budgets.append(limit.remaining() if limit else 0)
        asked.set()

    start(poll)
    assert asked.wait(10)
    assert 0 < budgets[0] <= BUDGET.total_seconds()


def test_one_that_is_stopped_asks_no_more(start: Start) -> None:
    polled = Polled()
    poller = start(polled)
    assert polled.enough.wait(10)
    poller.stop()
    times = polled.times
    assert not any(thread.name == "a poller" for thread in threading.enumerate())
    assert polled.times == times


def test_one_that_runs_is_not_started_again(start: Start) -> None:
    poller = start(lambda: None)
    poller.start()
    assert [thread.name for thread in threading.enumerate()].count("a poller") == 1


def test_a_pause_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Poller("a poller", lambda: None, every=timedelta(0))
