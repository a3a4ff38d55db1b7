"""The request queue before the thread pool, in which no request waits for long (C23a).

All of it happens in the main loop: a request that finds every thread busy waits, or is rejected at once. Health checks
are answered by a reserved thread, however busy or stuck the others are.
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

from app.observability import metrics
from app.resilience.admission_queue import AdmissionQueue
from deploy.serving.client_socket import ClientSocket
from deploy.serving.gunicorn_private import DEFER, ThreadWorker

URGENT: Final = (b"GET /healthz ", b"HEAD /healthz ", b"GET /readyz ", b"HEAD /readyz ")
HEAD_ENDS: Final = b"\r\n\r\n"
MOST: Final = 65536
"""Bytes that are inspected."""
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
RESPITE: Final = 0.05
"""Seconds before an exhausted resource is tried again."""
COMPLAINTS: Final = 10.0
"""Seconds between two log entries about that."""
HEARTBEAT: Final = 0.5
"""Seconds between two heartbeats, of which gunicorn needs one per `timeout`."""
LINGER: Final = 2.0
"""Seconds that a client has for closing after the server (RFC 9112, section 9.6)."""


class QueueingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Gives each request a thread, a place in the queue, or a rejection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: AdmissionQueue[Any] = AdmissionQueue()
        self._busy = 0
        self._leaving: deque[Any] = deque()
        self._complained_at = self._notified_at = float("-inf")

    def init_process(self) -> None:
        """Create the reserved thread, and store the settings; then serve until the process ends."""
        self.cfg.__dict__ |= {name: setting.get() for name, setting in self.cfg.settings.items()}
        self._reserve = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reserve")
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, and its overload responses."""
        super().load_wsgi()
        from app.rest.overload import Overload  # noqa: PLC0415 -- here, the application is loaded

        self._overload = Overload(self.app.wsgi().config)

    def notify(self) -> None:
        """Send the master a heartbeat, as often as it needs one."""
        if time.monotonic() - self._notified_at >= HEARTBEAT:
            self._notified_at = time.monotonic()
            super().notify()

    def accept(self, listener: Any) -> None:
        """Accept a connection; without a free descriptor, leave it in the kernel's queue for a moment."""
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
        """Reject a request on a kept-alive connection at once, if necessary; otherwise use the normal path."""
        received = _received(conn) if self._is_overloaded else None
        if received is None or is_urgent(received):
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
        """Give a readable connection to a free thread; otherwise queue or reject it, unless it is a health check."""
        if type(conn.sock) is socket.socket:
            conn.sock = ClientSocket(conn.sock)
        if self._busy < self.cfg.threads:
            self._serve(conn)
        elif (received := _received(conn)) is None:
            self._resolve(conn, DEFER)  # a new connection, on which nothing was sent yet
        elif is_urgent(received):
            self._submit(self._reserve, conn, self.finish_request)
        elif self._is_overloaded:
            self._resolve(conn, self._reject(conn, received))
        else:
            self._queue.put(conn)
            metrics.WAITING.set(len(self._queue))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do so, but wait no longer than the oldest queued request may wait; and reject the expired ones."""
        super().wait_for_and_dispatch_events(min(timeout, max(0.0, self._seconds_to_expiry())))
        for conn, waited in self._expired():
            self._resolve(conn, self._reject(conn, self._received(conn) or b"", waited=waited))
            metrics.WAITING.set(len(self._queue))
        while self._leaving and self._leaving[0].timeout <= time.monotonic():
            self._disconnect(self._leaving[0])

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
        """Give a connection to a thread; the main loop, which is woken once, continues afterwards."""
        pool.submit(self.handle, conn).add_done_callback(partial(self.method_queue.defer, then, conn))

    def _go_on(self, conn: Any, future: "Future[Any]") -> None:
        """Serve the next request, because a thread is free."""
        try:
            self.finish_request(conn, future)
        finally:
            self._busy -= 1
        if len(self._queue):
            self._serve(self._queue.get())
            metrics.WAITING.set(len(self._queue))

    @property
    def busy(self) -> int:
        """Return the number of threads that serve."""
        return self._busy

    @property
    def waiting(self) -> int:
        """Return the number of requests that wait for one."""
        return len(self._queue)

    @property
    def _is_overloaded(self) -> bool:
        return self._busy >= self.cfg.threads and self._queue.is_full

    def _received(self, conn: Any) -> bytes | None:
        return _received(conn)

    def _expired(self) -> list[tuple[Any, float]]:
        return list(self._queue.pop_expired())

    def _seconds_to_expiry(self) -> float:
        return self._queue.seconds_to_expiry()

    def _reject(self, conn: Any, received: bytes, *, waited: float = 0.0) -> bool:
        """Reject a request, and return True if another may follow on its connection.

        An incomplete head, or one that would have to be parsed first, gets no response.
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
        """Continue with a connection as if a thread had this result."""
        future: Future[Any] = Future()
        future.set_result(outcome)
        self.finish_request(conn, future)

    def _announce_close(self, conn: Any) -> None:
        """Close this side; the other side is closed with it, or at the end of LINGER."""
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
        """Discard further bytes, until the end."""
        try:
            is_over = not conn.sock.recv(MOST)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            self._disconnect(conn)

    def _disconnect(self, conn: Any) -> None:
        self._leaving.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _received(conn: Any) -> bytes | None:
    """Return the received, unparsed bytes; ``None`` when there are none, empty bytes at the end of the connection."""
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


def is_urgent(received: bytes) -> bool:
    """Return True if the reserved thread answers this request."""
    return received.startswith(URGENT) and HEAD_ENDS in received


def address_of(peer: Any) -> str:
    """Return the address of a peer in the form of a socket; empty for a Unix socket."""
    return str(peer[0]) if isinstance(peer, tuple) else ""
