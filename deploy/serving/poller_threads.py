"""The roles of a worker's threads: some serve, a few poll, and the others wait until they are called. No gunicorn."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

POLLERS: Final = 2
"""Threads that poll at a time. More would be woken together, only to wait for the interpreter's lock."""


class PollerThreads:
    """Counts threads by role, and wakes one that waits. Each thread has its own ``turn``, a lock that is taken."""

    def __init__(self, size: int, *, pollers: int = POLLERS) -> None:
        self._size, self._max_polling = size, pollers
        self.gate: Final = threading.RLock()
        """Protects the roles. A queue that threads serve needs it too: a thread looks there before it waits."""
        self._polling, self._called = 0, size
        self._parked: list[threading.Lock] = []

    @property
    def busy(self) -> int:
        """Return the number of threads that serve."""
        return self._size - self._polling - self._called - len(self._parked)

    @property
    def is_polled(self) -> bool:
        """Return True if a thread polls, or is about to."""
        return self._polling > 0 or self._called > 0

    def begin(self) -> threading.Lock:
        """Return the turn of a new thread."""
        turn = threading.Lock()
        turn.acquire()
        self._answer_call()
        return turn

    def next(self, turn: threading.Lock, take: Callable[[], T | None]) -> T | None:
        """Return the next item, or ``None`` if this thread must poll; wait while enough others do.

        Args:
            turn: the thread's own lock.
            take: returns an item, if there is one. It is called with the gate closed.
        """
        while True:
            with self.gate:
                item = take()
                if item is not None:
                    return item
                if self._polling < self._max_polling:
                    self._polling += 1
                    return None
                self._parked.append(turn)
            turn.acquire()
            self._answer_call()

    def stop_polling(self) -> None:
        """Note that a thread has found an event."""
        with self.gate:
            self._polling -= 1

    def call(self) -> bool:
        """Wake a thread, and return True, if one waits."""
        with self.gate:
            if not self._parked:
                return False
            self._called += 1
            self._parked.pop().release()
            return True

    def relieve(self) -> None:
        """Wake a thread, if none polls."""
        if not self.is_polled and self._parked:
            with self.gate:
                if not self.is_polled:
                    self.call()

    def _answer_call(self) -> None:
        with self.gate:
            self._called -= 1
