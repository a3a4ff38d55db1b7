"""What waits for a thread: a line before the pool, in which nobody stands for long (C23a).

All of it happens in the main loop: who finds every thread busy waits, or is refused there and then. Health checks are
answered by a thread in reserve, however busy or stuck the others are.
"""

import errno
import io
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import _DEFER, ThreadWorker

from app.observability import metrics
from app.resilience.admission_queue import AdmissionQueue

URGENT: Final = (b"GET /healthz ", b"HEAD /healthz ", b"GET /readyz ", b"HEAD /readyz ")
HEAD_ENDS: Final = b"\r\n\r\n"
MOST: Final = 65536
"""Bytes looked at."""
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
RESPITE: Final = 0.05
"""Seconds that what has run out has for coming back."""
COMPLAINTS: Final = 10.0
"""Seconds between two lines that say so."""
HEARTBEAT: Final = 0.5
"""Seconds between two signs of life, of which there has to be one in as many as `timeout` says."""
LINGER: Final = 2.0
"""Seconds that a client has for closing after us (RFC 9112, section 9.6)."""


class QueueingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Gives each request a thread, a place in the line, or a refusal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: AdmissionQueue[Any] = AdmissionQueue()
        self._busy = 0
        self._leaving: deque[Any] = deque()
        self._complained_at = self._notified_at = float("-inf")

    def init_process(self) -> None:
        """Set the thread in reserve aside, and know the settings; then serve, which only ends with the process."""
        self.cfg.__dict__ |= {name: setting.get() for name, setting in self.cfg.settings.items()}
        self._reserve = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reserve")
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, and what refuses in its words."""
        super().load_wsgi()
        from app.rest.overload import Overload  # noqa: PLC0415 -- here, the application is loaded

        self._overload = Overload(self.app.wsgi().config)

    def notify(self) -> None:
        """Tell the master that we live, as often as it matters to it."""
        if time.monotonic() - self._notified_at >= HEARTBEAT:
            self._notified_at = time.monotonic()
            super().notify()

    def accept(self, listener: Any) -> None:
        """Accept a connection; where the machine has no room for one, leave it in the queue for a moment."""
        try:
            super().accept(listener)
        except OSError as fault:
            if fault.errno not in EXHAUSTED:
                raise
            if time.monotonic() - self._complained_at > COMPLAINTS:
                self._complained_at = time.monotonic()
                self.log.warning("no connection can be accepted: %s", fault.strerror)
            time.sleep(RESPITE)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Refuse a request on a kept connection where it stands, if it has to be; else go the usual way."""
        received = _received(conn) if self._is_overloaded else None
        if received is None or _is_urgent(received):
            super().on_client_socket_readable(conn, client)
        elif self._reject(conn, received):
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
        else:
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self._resolve(conn, False)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a readable connection to a free thread; else let it wait, or refuse it, unless it asks how we are."""
        if self._busy < self.cfg.threads:
            self._serve(conn)
        elif (received := _received(conn)) is None:
            self._resolve(conn, _DEFER)  # a new connection, on which nothing was sent yet
        elif _is_urgent(received):
            self._submit(self._reserve, conn, self.finish_request)
        elif self._is_overloaded:
            self._resolve(conn, self._reject(conn, received))
        else:
            self._queue.put(conn)
            metrics.WAITING.set(len(self._queue))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do so, but not past the moment when somebody has waited long enough; and refuse those who have."""
        super().wait_for_and_dispatch_events(min(timeout, max(0.0, self._queue.seconds_to_expiry())))
        for conn, waited in self._queue.pop_expired():
            self._resolve(conn, self._reject(conn, _received(conn) or b"", waited=waited))
            metrics.WAITING.set(len(self._queue))
        while self._leaving and self._leaving[0].timeout <= time.monotonic():
            self._hang_up(self._leaving[0])

    def finish_request(self, conn: Any, future: "Future[Any]") -> None:
        """As the base class does, but without waiting for the client to close, while all others would wait too."""
        is_over = future.done() and not future.cancelled() and future.exception() is None and future.result() is False
        if is_over and self.alive:
            self._announce_close(conn)
        else:
            super().finish_request(conn, future)

    def _serve(self, conn: Any) -> None:
        self._busy += 1
        self._submit(self.tpool, conn, self._go_on)

    def _submit(self, pool: ThreadPoolExecutor, conn: Any, then: Callable[[Any, "Future[Any]"], None]) -> None:
        """Have a thread handle a connection; what follows is for the main loop, which is woken once."""
        pool.submit(self.handle, conn).add_done_callback(partial(self.method_queue.defer, then, conn))

    def _go_on(self, conn: Any, future: "Future[Any]") -> None:
        """A thread has become free: serve the next."""
        try:
            self.finish_request(conn, future)
        finally:
            self._busy -= 1
        if len(self._queue):
            self._serve(self._queue.get())
            metrics.WAITING.set(len(self._queue))

    @property
    def busy(self) -> int:
        """Return how many threads serve."""
        return self._busy

    @property
    def waiting(self) -> int:
        """Return how many wait for one."""
        return len(self._queue)

    @property
    def _is_overloaded(self) -> bool:
        return self._busy >= self.cfg.threads and self._queue.is_full

    def _reject(self, conn: Any, received: bytes, *, waited: float = 0.0) -> bool:
        """Refuse a request, and tell whether another may follow it on its connection.

        To what is not even a whole head, or one that would have to be parsed first, there is no answer.
        """
        peer = address_of(conn.client)
        answer, length = self._overload.reject(received, may_follow=self.alive, waited=waited, peer=peer)
        conn.parser.unreader.take_buffered()
        conn.parser.unreader.unread(received[length:] if length else b"")
        try:
            return conn.sock.send(answer, socket.MSG_DONTWAIT) == len(answer) and length > 0
        except OSError:
            return False

    def _resolve(self, conn: Any, outcome: object) -> None:
        """Go on with a connection as if a thread had come to this outcome."""
        future: Future[Any] = Future()
        future.set_result(outcome)
        self.finish_request(conn, future)

    def _announce_close(self, conn: Any) -> None:
        """Close our side; the other one closes with that, or with the end of LINGER."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            conn.timeout = time.monotonic() + LINGER
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_leaving, conn))
            self._leaving.append(conn)
        except (OSError, ValueError):  # already closed
            self.nr_conns -= 1
            conn.close()

    def _on_leaving(self, conn: Any, _client: object) -> None:
        """Throw away what still comes, until the end."""
        try:
            is_over = not conn.sock.recv(MOST)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            self._hang_up(conn)

    def _hang_up(self, conn: Any) -> None:
        self._leaving.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _received(conn: Any) -> bytes | None:
    """Return what has been received and is not parsed yet; ``None`` when that is nothing, nothing when it is over."""
    conn.init()
    buffer = conn.parser.unreader.buf
    buffer.seek(0, io.SEEK_END)
    try:
        buffer.write(conn.sock.recv(MOST, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return buffer.getvalue() or None
    except OSError:
        return b""
    received: bytes = buffer.getvalue()
    return received


def _is_urgent(received: bytes) -> bool:
    return received.startswith(URGENT) and HEAD_ENDS in received


def address_of(peer: Any) -> str:
    """Return the address of a peer as a socket has it; none of one on a unix socket."""
    return str(peer[0]) if isinstance(peer, tuple) else ""
