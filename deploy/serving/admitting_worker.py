"""Admission of requests to the threads: served, queued, rejected, or left to wait for their bodies (C23a).

A connection has one owner, who holds its lock: the thread that reads or serves it, the queue, or the main loop.
"""

import os
import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from app.observability import metrics
from deploy.serving.client_socket import ClientSocket
from deploy.serving.connection_state import Incoming, Memory, Rules, State
from deploy.serving.direct_worker import Connection, DirectWorker
from deploy.serving.poller_threads import PollerThreads
from deploy.serving.request_queue import address_of, is_urgent
from deploy.serving.slow_readers import SlowReaders

READ: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
END: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
RECEIVED: Final = 65536
"""Bytes that one system call receives at most."""
GRACE: Final = 0.25
"""Seconds in which a body is collected without a thread; then a reserved thread may answer before it is complete."""
EARLY_THREADS: Final = 4
"""Reserved threads for requests whose bodies are incomplete."""
INCOMPLETE: Final = frozenset({State.BODY, State.EARLY})
Serve = Callable[[Connection], bool | None]
"""Processes a complete request; true if the connection stays open, ``None`` if it has another owner now."""


class AdmittingWorker(DirectWorker):
    """Receives from connections in an edge-triggered epoll, and processes, queues or rejects their requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._early_busy = 0
        self._threads, self._memory = PollerThreads(self.cfg.threads), Memory()

    def init_process(self) -> None:
        """Create the epoll, in which all threads wait."""
        self._epoll, self._bell = select.epoll(), os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, READ)
        self._early = ThreadPoolExecutor(EARLY_THREADS, thread_name_prefix="early")
        self._rules = Rules(self._examine, self._max_octets(), self.cfg.limit_request_fields)
        super().init_process()

    def run(self) -> None:
        """Serve; the base class has created its selector."""
        self._slow_readers = SlowReaders(self.poller, self._resolve, self._close)
        super().run()

    @property
    def busy(self) -> int:
        """Return the number of threads that serve."""
        return self._threads.busy

    def enqueue_req(self, conn: Any) -> None:
        """Add a new connection to the epoll; a thread is woken if a request has arrived already."""
        conn.sock = ClientSocket(conn.sock, self._memory)
        connection = Connection(conn, Incoming(self._rules, self._memory))
        self._conns[connection.fd] = connection
        self._epoll.register(connection.fd, READ)

    def _on_event(self, fd: int, mask: int, serve: Serve) -> None:
        conn = self._conns.get(fd)
        if conn is None:
            return
        if mask & END:
            conn.has_end = True
        conn.again = True
        if conn.lock.acquire(blocking=False):
            conn.again = False
            self._process(conn, None, serve)

    def _process(self, conn: Connection, state: State | None, serve: Serve) -> None:
        """Process the requests of a connection as its owner, until there are none, or it has another owner.

        No exception leaves it, not even the SystemExit of a handler: the thread would end, and no other replaces it.

        Args:
            conn: the connection.
            state: its state; ``None`` if bytes can be received.
            serve: processes a complete request.
        """
        try:
            self._process_all(conn, self._receive(conn) if state is None else state, serve)
        except BaseException:
            self.log.exception("a connection failed")
            self.method_queue.defer(self._leave, conn)

    def _process_all(self, conn: Connection, state: State, serve: Serve) -> None:
        while True:
            while state is State.COMPLETE:
                is_kept = serve(conn)
                if is_kept is None:
                    return
                if conn.base.sock.unsent:
                    self.method_queue.defer(self._slow_readers.add, conn, is_kept)
                    return
                state = conn.incoming.state if is_kept else State.ENDED
            if state is State.ENDED:
                self.method_queue.defer(self._leave, conn)
                return
            if state in INCOMPLETE:
                self._await_body(conn)
            conn.lock.release()
            if state is State.EARLY:
                self._wake()
            if not conn.again or not conn.lock.acquire(blocking=False):
                return
            conn.again = False
            state = self._receive(conn)

    def _receive(self, conn: Connection) -> State:
        """Receive bytes, and return the new state. Edge-triggered: more can have arrived after a full read."""
        incoming = conn.incoming
        if incoming.state is State.EARLY:
            return State.EARLY
        try:
            data = conn.base.sock.recv(RECEIVED)
        except BlockingIOError:
            return incoming.state
        except OSError:
            return State.ENDED
        if not data:
            return incoming.end()
        if conn.has_end or len(data) == RECEIVED:
            conn.again = True
        was, state = incoming.state, incoming.feed(data)
        if state is State.HEAD and was is State.IDLE:
            conn.since = time.monotonic()
        return state

    def _await_body(self, conn: Connection) -> None:
        if conn.began_at is None:
            conn.began_at = time.monotonic()
        self._bodies[conn] = None

    def _admit(self, conn: Connection) -> bool | None:
        """Queue a complete request, give it to the reserved thread, or reject it."""
        received = conn.incoming.data
        with self._threads.gate:
            if self.busy < self.cfg.threads:
                self._queue.put(conn)
                if not self._threads.call():
                    os.eventfd_write(self._bell, 1)
                return None
            if is_urgent(received):
                self._reserve.submit(self._serve_aside, conn)
                return None
            if not self._queue.is_full:
                self._queue.put(conn)
                metrics.WAITING.set(len(self._queue))
                return None
        return self._reject(conn, received)

    def _queued(self) -> Connection | None:
        if not len(self._queue):
            return None
        conn: Connection = self._queue.get()
        metrics.WAITING.set(len(self._queue))
        return conn

    def _reject(self, conn: Connection, received: bytes, *, waited: float = 0.0) -> bool:
        """Reject a request, and return True if another may follow on its connection."""
        peer = address_of(conn.base.client)
        answer, length = self._overload.reject(received, may_follow=self.alive, waited=waited, peer=peer)
        conn.begin()
        self._bodies.pop(conn, None)
        try:
            is_sent = conn.base.sock.send(answer, socket.MSG_DONTWAIT) == len(answer)
        except OSError:
            return False
        if is_sent and length:
            conn.incoming.drop(length)
            return True
        return False

    def _wake(self) -> None:
        """Wake the main loop."""
        self.method_queue.defer(_nothing)

    def _received(self, conn: Connection) -> bytes | None:
        return conn.incoming.data

    def _expired(self) -> list[tuple[Connection, float]]:
        with self._threads.gate:
            return list(self._queue.pop_expired())

    def _seconds_to_expiry(self) -> float:
        with self._threads.gate:
            return self._queue.seconds_to_expiry()

    def _resolve(self, conn: Connection, outcome: object) -> None:
        """Continue with a connection whose request was processed elsewhere."""
        if conn.base.sock.unsent:
            self._slow_readers.add(conn, bool(outcome))
            return
        self._process(conn, conn.incoming.state if outcome else State.ENDED, self._admit)

    def _serve_incomplete(self) -> None:
        """Give the requests that have waited the longest for their bodies to the reserved threads."""
        due = time.monotonic() - GRACE
        is_possible = self._bodies and self._early_busy < EARLY_THREADS
        for conn in sorted(self._bodies, key=_urgency) if is_possible else ():
            if self._early_busy >= EARLY_THREADS or _urgency(conn) > due:
                return
            if conn.lock.acquire(blocking=False):
                if conn.incoming.state in INCOMPLETE:
                    del self._bodies[conn]
                    conn.incoming.plain = None
                    self._early_busy += 1
                    self._early.submit(self._serve_aside, conn, is_early=True)
                else:
                    self._bodies.pop(conn, None)
                    self._process(conn, conn.incoming.state, self._admit)

    def _serve_aside(self, conn: Connection, *, is_early: bool = False) -> None:
        """Process a request in a reserved thread, and pass the connection to the main loop."""
        is_kept = False
        try:
            is_kept = self._answer(conn)
        except BaseException:  # otherwise the main loop would not learn that the thread is free
            self.log.exception("a connection failed")
        self.method_queue.defer(self._finish_aside, conn, is_kept, is_early)

    def _finish_aside(self, conn: Connection, is_kept: bool, is_early: bool) -> None:
        self._early_busy -= is_early
        self._resolve(conn, is_kept)

    def _leave(self, conn: Connection) -> None:
        """Close a connection that its owner has given up; the client has time to close first."""
        if conn.incoming.state is State.ENDED:
            self._close(conn)
        else:
            self._forget(conn)
            self._announce_close(conn.base)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.base.close()

    def _forget(self, conn: Connection) -> None:
        """Remove a connection; its descriptor can belong to a new one already."""
        if self._conns.get(conn.fd) is conn:
            del self._conns[conn.fd]
            with suppress(OSError, ValueError):
                self._epoll.unregister(conn.fd)
        self._bodies.pop(conn, None)
        conn.incoming.restart(b"")


def _nothing() -> None:
    pass


def _urgency(conn: Connection) -> float:
    """Return when a connection began to wait for a body; those that need a thread at once come first."""
    return 0.0 if conn.incoming.state is State.EARLY else conn.began_at or 0.0
