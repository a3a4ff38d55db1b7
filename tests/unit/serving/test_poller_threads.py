"""Few threads poll, the others wait until they are called, and a queued item is never forgotten."""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.serving.poller_threads import PollerThreads
from tests.stack.checkout import wait_until


@pytest.fixture
def threads() -> PollerThreads:
    return PollerThreads(4, pollers=2)


class Thread:
    """A thread that has begun, and the items that it got."""

    def __init__(self, threads: PollerThreads, queue: deque[str]) -> None:
        self._threads, self._queue = threads, queue
        self.got: list[str | None] = []
        self._turn = threads.begin()

    def next(self) -> None:
        """Request the next item in a new thread."""
        threading.Thread(target=self._next, daemon=True).start()

    def _next(self) -> None:
        self.got.append(self._threads.next(self._turn, lambda: self._queue.popleft() if self._queue else None))


def test_no_more_threads_poll_than_are_useful(threads: PollerThreads) -> None:
    assert threads.busy == 0
    assert threads.is_polled, "the threads are about to begin"
    queue = deque[str]()
    four = [Thread(threads, queue) for _ in range(4)]
    assert (threads.busy, threads.is_polled) == (4, False)
    for each in four:
        each.next()
    wait_until(lambda: threads.busy == 0, 5)
    assert sorted(len(each.got) for each in four) == [0, 0, 1, 1]
    threads.stop_polling()
    assert (threads.busy, threads.is_polled) == (1, True)
    threads.relieve()
    assert sum(len(each.got) for each in four) == 2, "one still polls"
    threads.stop_polling()
    threads.relieve()
    wait_until(lambda: sum(len(each.got) for each in four) == 3, 5)
    assert threads.is_polled


def test_a_called_thread_takes_the_item_that_was_queued(threads: PollerThreads) -> None:
    queue = deque[str]()
    three = [Thread(threads, queue) for _ in range(3)]
    for each in three:
        each.next()
    wait_until(lambda: sum(len(each.got) for each in three) == 2, 5)
    wait_until(lambda: threads.busy == 0, 5)
    with threads.gate:
        queue.append("item")
        assert threads.call()
    wait_until(lambda: ["item"] in [each.got for each in three], 5)


def test_nothing_is_called_when_no_thread_waits(threads: PollerThreads) -> None:
    assert not threads.call()


def test_every_item_is_taken_once(threads: PollerThreads) -> None:
    """Items are queued while threads come and go."""
    queue, taken, count = deque[int](), list[int](), 2000

    def work() -> None:
        turn = threads.begin()
        while True:
            item = threads.next(turn, lambda: queue.popleft() if queue else None)
            if item is None:
                threads.stop_polling()
            elif item < 0:
                return
            else:
                taken.append(item)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
        for item in [*range(count), -1, -1, -1, -1]:
            with threads.gate:
                queue.append(item)
                threads.call()
    assert sorted(taken) == list(range(count))
