"""The bulkhead: limits on running and waiting calls, admission in order, and no lost slots."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial

import pytest

from app.errs.platform import DeadlineExceeded, ServiceUnavailable
from app.resilience import blocking
from app.resilience import bulkhead as log_folder
from app.resilience.bulkhead import Bulkhead
from app.resilience.deadline import within

LATE = 2.0


@pytest.fixture
def crowd() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Return a function that starts threads; the fixture checks that all of them end."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], None]) -> threading.Thread:
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return threads[-1]

    yield start
    for each in threads:
        each.join(10)
        assert not each.is_alive()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_the_server_is_notified_before_a_request_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it gets a slot at once: the slot is for a dependency, which it then waits for."""
    slots, free = Bulkhead(1, queue=0), list[int]()
    monkeypatch.setattr(blocking, "on_begin", lambda: free.append(slots.size - slots.in_use))
    with slots, suppress(ServiceUnavailable), slots:
        pass
    assert free == [1, 0]


def visit(slots: Bulkhead) -> None:
    """Take and release a slot, if one is free."""
    with suppress(ServiceUnavailable), slots:
        pass


def is_queued(slots: Bulkhead, count: int) -> bool:
    """Return whether the given number of calls waits."""
    return len(slots._waiting) == count


class TestTaken:
    def test_ok(self) -> None:
        slots = Bulkhead(2, queue=0)
        with slots, slots:
            assert slots.in_use == 2
        assert slots.in_use == 0

    def test_an_exception_releases_the_slot(self) -> None:
        slots = Bulkhead(1, queue=0)
        with pytest.raises(KeyError), slots:
            raise KeyError
        assert slots.in_use == 0

    def test_a_full_queue_rejects_at_once(self) -> None:
        slots = Bulkhead(1, queue=0)
        with slots, pytest.raises(ServiceUnavailable) as caught, slots:
            pass
        assert caught.value.retry_after == 1
        with slots:
            pass

    def test_waiting_is_short_while_no_slot_is_released(self) -> None:
        slots = Bulkhead(1, queue=1)
        with slots:
            began = time.monotonic()
            with pytest.raises(ServiceUnavailable), slots:
                pass
            assert (
                log_folder.POLLS_UNTIL_STUCK * log_folder.POLL_SECONDS
                <= time.monotonic() - began
                < log_folder.POLLS_UNTIL_STUCK * log_folder.POLL_SECONDS + LATE
            )
        with slots:
            assert slots.in_use == 1

    def test_a_stalled_queue_holds_no_more_calls_than_slots(self, crowd: Callable[..., threading.Thread]) -> None:
        """Threads stay free; the first waiting calls notice when the queue moves again."""
        slots = Bulkhead(1, queue=8)
        with slots:
            with pytest.raises(ServiceUnavailable), slots:
                pass
            scout = crowd(partial(visit, slots))
            wait_for(partial(is_queued, slots, 1))
            with pytest.raises(ServiceUnavailable), slots:
                pass
            assert is_queued(slots, 1)
        scout.join(5)
        with slots:
            others = [crowd(partial(visit, slots)) for _ in range(4)]
            wait_for(partial(is_queued, slots, 4))
        for each in others:
            each.join(5)

    def test_a_moving_queue_is_waited_for(
        self, crowd: Callable[..., threading.Thread], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long the running calls take in total, up to MAX_WAIT_SECONDS. A busy machine prolongs each call."""
        monkeypatch.setattr(log_folder, "POLLS_UNTIL_STUCK", 100)
        monkeypatch.setattr(log_folder, "MAX_WAIT_SECONDS", 60.0)
        slots = Bulkhead(1, queue=8)
        order: list[int] = []
        gate = ExitStack()
        gate.enter_context(slots)

        def work(number: int) -> None:
            with slots:
                order.append(number)
                time.sleep(log_folder.POLL_SECONDS * log_folder.POLLS_UNTIL_STUCK / 4)

        for number in range(5):
            crowd(partial(work, number))
            wait_for(partial(is_queued, slots, number + 1))
        gate.close()
        wait_for(lambda: len(order) == 5)
        assert order == [0, 1, 2, 3, 4]

    def test_waiting_ends_at_the_deadline(self) -> None:
        slots = Bulkhead(1, queue=1)
        limit = within(timedelta(milliseconds=10))
        with slots, limit, pytest.raises(DeadlineExceeded) as caught, slots:
            pass
        assert caught.value.facts["spent_in"] == "work_slot"

    def test_waiting_ends_at_the_maximum_although_the_queue_moves(
        self, crowd: Callable[..., threading.Thread], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(log_folder, "MAX_WAIT_SECONDS", 0.0)
        slots = Bulkhead(1, queue=1)
        with slots, pytest.raises(ServiceUnavailable), slots:
            pass

    def test_no_slot_is_lost_or_given_twice(self, crowd: Callable[..., threading.Thread]) -> None:
        slots = Bulkhead(3, queue=4)
        most, refused, lock = [0], [0], threading.Lock()

        def work() -> None:
            for _ in range(100):
                try:
                    with slots:
                        with lock:
                            most[0] = max(most[0], slots.in_use)
                        time.sleep(0.0005)
                except ServiceUnavailable:
                    with lock:
                        refused[0] += 1

        threads = [crowd(work) for _ in range(12)]
        for each in threads:
            each.join(30)
        assert (slots.in_use, most[0]) == (0, 3)
        assert 0 < refused[0] < 1200


@pytest.mark.parametrize(("size", "queue"), [(0, 1), (-1, 1), (1, -1)])
def test_invalid_arguments_are_rejected(size: int, queue: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Bulkhead(size, queue=queue)
