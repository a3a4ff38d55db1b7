"""gunicorn's worker whose threads poll together, and process a request in the thread that finds it.

A few threads wait for the epoll that has all connections; another one is called when a request waits for a dependency
and no thread polls. The main loop accepts and closes connections, as in the base class. When all threads are busy, it
polls, and queues or rejects requests.
"""

import threading
import time
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.config import Config

from app.resilience import blocking
from deploy.serving import connection_counts
from deploy.serving.admitting_worker import GRACE, AdmittingWorker
from deploy.serving.connection_state import State
from deploy.serving.worker import Worker

TICK: Final = 0.01
"""Seconds between two looks of the main loop while no thread polls."""
TICKS: Final = 50
"""Looks after which the main loop sleeps until it is woken."""
SWEEP: Final = 0.5
"""Seconds between two searches for idle connections."""
YIELD: Final = 0.001
"""Seconds in which another worker can accept a connection. A main loop has little work, and could take all of them."""
BATCH: Final = 64
"""Events that the main loop takes at once."""


class PollingWorker(AdmittingWorker):
    """Processes a request in the thread that has received it."""

    number: int

    def __new__(cls, *args: Any, **_: Any) -> Any:
        """Return the threaded worker instead, where connections do not begin with HTTP/1 in clear text."""
        cfg = next(each for each in args if isinstance(each, Config))
        is_usual = cfg.http_protocols == ["h1"] and cfg.protocol == "http" and cfg.proxy_protocol == "off"
        return super().__new__(cls) if is_usual and not cfg.is_ssl else Worker(*args)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ticks = 0
        self._is_dozing = self._is_unpolled = self._has_taken_over = False
        self._swept_at = 0.0
        self._idle_until = float("inf")

    def run(self) -> None:
        """Start the threads, and run the main loop."""
        for number in range(self.cfg.threads):
            threading.Thread(target=self._work, name=f"serve-{number}", daemon=True).start()
        connection_counts.note(self.number, 0)
        blocking.on_begin = self._threads.relieve
        super().run()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do so; and see to it that a thread or this loop polls, and that incomplete bodies get their threads."""
        self._is_dozing = not self._ticks
        if not self._threads.is_polled:  # after the assignment: a thread that stops polling looks at it afterwards
            self._is_dozing = False
        super().wait_for_and_dispatch_events(min(timeout, GRACE if self._is_dozing else TICK))
        self._is_dozing = False
        self._look_after_polling()
        self._serve_incomplete()

    def accept(self, listener: Any) -> None:
        """Accept a connection; if another worker has fewer of them, it can do so first."""
        connection_counts.note(self.number, self.nr_conns)
        if connection_counts.is_above_least(self.number, self.cfg.workers):
            time.sleep(YIELD)
        super().accept(listener)
        connection_counts.note(self.number, self.nr_conns)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close idle connections, and those of clients that do not read."""
        now = time.monotonic()
        if not force and now - self._swept_at < SWEEP:
            return
        self._swept_at = now
        self._slow_readers.give_up()
        connection_counts.note(self.number, self.nr_conns)
        until = now - self.cfg.keepalive
        for conn in list(self._conns.values()):
            is_idle = conn.since < until or (
                now >= self._idle_until and conn.incoming.state in {State.IDLE, State.HEAD}
            )
            if (force or is_idle) and conn.lock.acquire(blocking=False):
                self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close idle connections at this time at the latest."""
        self._idle_until = deadline

    def _work(self) -> None:
        """Serve queued requests, then requests that this thread finds."""
        turn = self._threads.begin()
        while True:
            conn = self._threads.next(turn, self._queued)
            if conn is None:
                self._poll()
            else:
                self._process(conn, State.COMPLETE, self._answer)

    def _poll(self) -> None:
        """Wait for one event, and serve it."""
        events = self._epoll.poll(-1, 1)
        self._threads.stop_polling()
        if self._is_dozing and not self._threads.is_polled:
            self._is_dozing = False
            self._wake()
        for fd, mask in events:
            self._on_event(fd, mask, self._answer)

    def _look_after_polling(self) -> None:
        """Call a thread, or poll here, if no thread has polled since the last look."""
        is_unpolled = not self._threads.is_polled
        self._ticks = TICKS if is_unpolled else max(0, self._ticks - 1)
        if not is_unpolled and self._has_taken_over:
            self.poller.unregister(self._epoll.fileno())
            self._has_taken_over = False
        elif is_unpolled and self._is_unpolled and not self._threads.call() and not self._has_taken_over:
            self.poller.register(self._epoll.fileno(), EVENT_READ, self._take_events)
            self._has_taken_over = True
        self._is_unpolled = is_unpolled

    def _take_events(self, _: object) -> None:
        for fd, mask in self._epoll.poll(0, BATCH):
            self._on_event(fd, mask, self._admit)
