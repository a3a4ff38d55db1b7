"""A watchdog for sockets: a socket that is busy past its deadline is shut down, which wakes its owner with an error.

``statement_timeout`` does not help against a server that hangs or a network that drops packets, and is too coarse
for a budget of 50 ms. One thread per process watches all sockets; watching one costs about a microsecond.
"""

import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from itertools import count
from typing import Final

from app import product
from app.observability.repeated_warnings import RepeatedWarning

GRACE: Final = 0.1
"""Seconds after the deadline in which the server can end the statement itself."""
_LOG: Final = product.logger("resilience")


class Watchdog:
    """Shuts down the sockets whose deadline has passed."""

    def __init__(self) -> None:
        self._tickets = count()
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Watch nothing. A fork does not copy threads, but it does copy the lock, which may be held, and its
        waiters.
        """
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._watched: dict[int, tuple[float, int, int, Callable[[], bool] | None]] = {}
        self._wakes_at = math.inf
        """When the thread looks next. A release does not change it, because the next ``watch`` would wake the thread
        again."""
        self._thread: threading.Thread | None = None
        self._has_reported = False
        self._threadless = RepeatedWarning("resilience")

    def watch(self, fd: int, *, at: float, how: int = socket.SHUT_RDWR, first: Callable[[], bool] | None = None) -> int:
        """Shut down the socket ``fd`` at ``at`` (monotonic seconds) unless released before; return a ticket.

        ``SHUT_RD`` only ends reading; a response can still be written. ``first``, which must not block, is called
        then. If it returns true, the socket is shut down ``GRACE`` after the call.
        """
        ticket = next(self._tickets)
        with self._lock:
            self._watched[ticket] = at, fd, how, first
            if self._thread is None:
                self._start()
            if at < self._wakes_at:
                self._wakes_at = at
                self._wake.notify()
        return ticket

    def release(self, ticket: int) -> None:
        """Stop watching. The owner may then close or reuse the socket."""
        with self._lock:
            self._watched.pop(ticket, None)

    def _start(self) -> None:
        """Start the thread on first use in this process. If the process can't start one, the next use tries again."""
        thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        try:
            thread.start()
        except RuntimeError as fault:
            self._threadless.warn(f"The watchdog has no thread, so deadlines are not enforced: {fault}")
        else:
            self._thread = thread

    def _run(self) -> None:
        with self._wake:
            while True:
                now = time.monotonic()
                for ticket, (at, fd, how, first) in list(self._watched.items()):
                    if at > now:
                        continue
                    del self._watched[ticket]
                    if first is None:
                        _shut_down(fd, how)
                    elif self._calls(first):
                        self._watched[ticket] = now + GRACE, fd, how, None
                earliest = min((at for at, *_ in self._watched.values()), default=math.inf)
                if self._wakes_at <= now or earliest < self._wakes_at:
                    self._wakes_at = earliest
                self._wake.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))

    def _calls(self, first: Callable[[], bool]) -> bool:
        """Return the result of the callback; true if it raises, which is logged once per process."""
        try:
            return first()
        except Exception:
            if not self._has_reported:
                self._has_reported = True
                _LOG.exception("a callback of the watchdog failed")
            return True


def _shut_down(fd: int, how: int) -> None:
    """Wake all waiters of the socket; its descriptor stays open."""
    try:
        duplicate = socket.socket(fileno=os.dup(fd))
    except OSError:
        return
    try:
        duplicate.shutdown(how)
    except OSError:
        pass  # already disconnected: the waiters are awake
    finally:
        duplicate.close()
