"""A poller calls its function repeatedly, whatever the outcome."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.errs.platform import ServiceUnavailable
from app.resilience import deadline
from app.resilience.poller import BUDGET, Poller
from tests.captured_log import logged

OFTEN = timedelta(milliseconds=1)
Start = Callable[[Callable[[], None]], Poller]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a poller; the poller ends with the test."""
    started: list[Poller] = []

    def begin(poll: Callable[[], None]) -> Poller:
        started.append(Poller("a poller", poll, every=OFTEN))
        started[-1].start()
        return started[-1]

    yield begin
    for poller in started:
        poller.stop()


class Polled:
    """Counts calls, and raises the given exceptions."""

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


def test_the_first_result_is_available_when_start_returns(start: Start) -> None:
    """A process that starts serving knows the sessions that were revoked before."""
    threads: list[int] = []
    start(lambda: threads.append(threading.get_ident()))
    assert threads[0] == threading.get_ident()


def test_an_unavailable_source_is_polled_again_without_a_log_entry(start: Start, caplog: Any) -> None:
    polled = Polled(ServiceUnavailable(retry_after=1))
    start(polled)
    assert polled.enough.wait(10)
    assert [each for each in logged(caplog, "candor.resilience") if each.levelname != "DEBUG"] == []


def test_a_bug_is_logged_and_does_not_end_the_poller(start: Start, caplog: Any) -> None:
    polled = Polled(RuntimeError("a bug"))
    start(polled)
    assert polled.enough.wait(10)
    assert {each.message for each in logged(caplog, "candor.resilience")} == {"a poller failed"}


def test_each_call_has_its_own_budget(start: Start) -> None:
    budgets: list[float] = []
    asked = threading.Event()

    def poll() -> None:
        limit = deadline.current.get()
        budgets.append(limit.remaining() if limit else 0)
        asked.set()

    start(poll)
    assert asked.wait(10)
    assert 0 < budgets[0] <= BUDGET.total_seconds()


def test_a_stopped_poller_makes_no_more_calls(start: Start) -> None:
    polled = Polled()
    poller = start(polled)
    assert polled.enough.wait(10)
    poller.stop()
    times = polled.times
    assert not any(thread.name == "a poller" for thread in threading.enumerate())
    assert polled.times == times


def test_a_running_poller_is_not_started_again(start: Start) -> None:
    poller = start(lambda: None)
    poller.start()
    assert [thread.name for thread in threading.enumerate()].count("a poller") == 1


def test_an_invalid_pause_is_rejected() -> None:
    with pytest.raises(ValueError, match="positive"):
        Poller("a poller", lambda: None, every=timedelta(0))
