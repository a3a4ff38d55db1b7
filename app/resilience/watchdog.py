"""A watchdog for sockets: what is still busy past its deadline is shut down, so that its owner wakes with an error.

``statement_timeout`` cannot help against a server that hangs or a network that swallows packets, and is too coarse
for a budget of 50 ms. One thread per process looks after every watched socket; watching costs about a microsecond.
"""

import heapq
import os
import socket
import threading
import time
import weakref
from itertools import count
from typing import Final

GRACE: Final = 0.1
"""Seconds past the deadline, which leave the server's own timeout the first word."""


class Watchdog:
    """Shuts down the sockets whose deadline has passed."""

    def __init__(self) -> None:
        self._tickets = count()
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Watch nothing. A fork takes no threads along, but a copy of the lock, perhaps held, and of those waiting."""
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, int]] = []
        self._watched: dict[int, int] = {}
        self._thread: threading.Thread | None = None

    def watch(self, fd: int, *, at: float, how: int = socket.SHUT_RDWR) -> int:
        """Shut down the socket ``fd`` at ``at`` (monotonic seconds) unless released before; return a ticket.

        ``SHUT_RD`` only ends reading, so that there can still be an answer.
        """
        with self._wake:
            self._start()
            ticket = next(self._tickets)
            self._watched[ticket] = how
            earliest = not self._heap or at < self._heap[0][0]
            heapq.heappush(self._heap, (at, ticket, fd))
            if earliest:
                self._wake.notify()
        return ticket

    def release(self, ticket: int) -> None:
        """Stop watching; the socket is its owner's again, and may be closed or used anew."""
        with self._wake:
            self._watched.pop(ticket, None)

    def _start(self) -> None:
        """Start the thread on first use in this process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._heap:
                    self._wake.wait()
                at, ticket, fd = self._heap[0]
                wait = at - time.monotonic()
                if ticket in self._watched and wait > 0:
                    self._wake.wait(wait)
                    continue
                heapq.heappop(self._heap)
                how = self._watched.pop(ticket, None)
                if how is not None:
                    _shut_down(fd, how)


def _shut_down(fd: int, how: int) -> None:
    """Wake whoever waits on the socket; the descriptor stays the owner's."""
    try:
        duplicate = socket.socket(fileno=os.dup(fd))
    except OSError:
        return
    try:
        duplicate.shutdown(how)
    except OSError:
        pass  # already disconnected: whoever waits has been woken
    finally:
        duplicate.close()
