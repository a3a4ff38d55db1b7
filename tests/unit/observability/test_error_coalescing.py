"""Errors that share a log entry, and the fields of that entry."""

import threading
import time

import pytest

from app.observability import error_coalescing
from app.observability.error_coalescing import IDS, MOST, SharedEntries, SharedEntry
from tests.fakes.monotonic import FakeMonotonic

FIELDS: dict[str, object] = {"status": 404}


class Written(list[SharedEntry]):
    """The written entries."""

    def counts(self) -> list[int]:
        """Return the number of requests for each entry."""
        return [each.count for each in self]


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def clock() -> FakeMonotonic:
    return FakeMonotonic()


@pytest.fixture
def shared(written: Written, clock: FakeMonotonic, monkeypatch: pytest.MonkeyPatch) -> SharedEntries:
    """Return shared entries whose timers never expire."""
    monkeypatch.setattr(threading.Timer, "start", lambda _: None)
    return SharedEntries(written.append, monotonic=clock)


def test_the_first_error_of_a_second_has_its_own_entry(shared: SharedEntries, written: Written) -> None:
    assert [shared.is_first("a", f"id-{n}", FIELDS) for n in range(4)] == [True, False, False, False]
    assert written == []


def test_later_errors_share_one_entry_when_the_second_is_over(
    shared: SharedEntries, written: Written, clock: FakeMonotonic
) -> None:
    for n in range(100):
        shared.is_first("a", f"id-{n}", FIELDS)
    clock.now += 1
    assert shared.is_first("a", "id-100", FIELDS)
    (entry,) = written
    assert entry.logged() == {
        "status": 404,
        "request_id": "id-0",
        "trace_id": None,
        "count": 99,
        "request_ids": [f"id-{n}" for n in range(1, IDS + 1)],
    }


def test_a_flush_writes_only_completed_seconds(shared: SharedEntries, written: Written, clock: FakeMonotonic) -> None:
    for _ in range(3):
        shared.is_first("a", None, FIELDS)
    shared.flush()
    assert written == []
    clock.now += 1
    shared.flush()
    shared.flush()
    assert written.counts() == [2]


def test_a_single_error_has_no_second_entry(shared: SharedEntries, written: Written, clock: FakeMonotonic) -> None:
    shared.is_first("a", None, FIELDS)
    clock.now += 1
    shared.flush()
    assert written == []


def test_other_errors_do_not_share_the_entry(shared: SharedEntries, written: Written, clock: FakeMonotonic) -> None:
    for key in ("a", "b", ("a", 404), ("a", 429)):
        assert shared.is_first(key, None, FIELDS)
        assert not shared.is_first(key, None, FIELDS)
    clock.now += 1
    shared.flush()
    assert written.counts() == [1, 1, 1, 1]


def test_shutdown_writes_the_current_second_too(shared: SharedEntries, written: Written) -> None:
    for _ in range(3):
        shared.is_first("a", None, FIELDS)
    shared.end()
    shared.end()
    assert written.counts() == [2]


def test_a_timer_that_fails_to_start_is_started_by_the_next_request(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_to_start(_timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(error_coalescing, "EVERY", 0.05)
    shared = SharedEntries(written.append)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Timer, "start", fail_to_start)
        assert [shared.is_first("a", None, FIELDS) for _ in range(2)] == [True, False]
    shared.is_first("a", None, FIELDS)
    until = time.monotonic() + 5
    while not written:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_number_of_open_entries_is_limited(shared: SharedEntries, written: Written) -> None:
    for key in range(3 * MOST):
        shared.is_first(key, None, FIELDS)
        shared.is_first(key, None, FIELDS)
    assert len(shared._open) <= MOST + 1
    assert len(written) >= 2 * MOST - 1


def test_threads_lose_nothing_and_the_last_second_is_written_automatically(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_coalescing, "EVERY", 0.05)
    lock, own = threading.Lock(), 0
    shared = SharedEntries(written.append)

    def report() -> None:
        nonlocal own
        for _ in range(2000):
            is_first = shared.is_first("a", None, FIELDS)
            with lock:
                own += is_first

    threads = [threading.Thread(target=report) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    until = threading.Event()
    for _ in range(100):
        if own + sum(written.counts()) == 8000:
            return
        until.wait(0.05)
    assert own + sum(written.counts()) == 8000
