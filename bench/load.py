"""A load generator: one thread with persistent connections that needs about ten microseconds per request.

``closed`` measures capacity: each client sends its next request after a response. ``steady`` sends requests at a fixed
rate. It measures latency from the scheduled time of each request, which includes delays of a stalled server.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

ANSWER_TIMEOUT: Final = 30.0
"""Seconds without a response after which the measurement fails."""
CHUNK: Final = 1 << 20
Requests = Callable[[int], bytes]
"""Returns the bytes of request number n."""


class NoAnswer(RuntimeError):
    """The server does not respond."""


@dataclass
class Tally:
    """Counts and latencies of responses."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    """Number of requests that were sent again because the server closed the connection."""

    def share(self, *expected: int) -> float:
        """Return the share of responses with these statuses."""
        return sum(self.statuses[status] for status in expected) / max(1, self.statuses.total())

    def quantile(self, q: float) -> float:
        """Return a quantile of the latencies in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000 if ordered else float("nan")


class Caller:
    """A client with one connection and one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._connected()
        self.request, self.due = b"", 0.0
        self._received = bytearray()
        self._missing = 0

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_TIMEOUT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def send(self, request: bytes, due: float) -> None:
        """Send a request. Raises: OSError."""
        self.request, self.due = request, due
        self.socket.sendall(request)

    def answer(self) -> tuple[int, bytes, bytes] | None:
        """Return status, head and body of a complete response, or None. Raises: ConnectionError."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("closed")
        self._received += data
        if self._missing > len(data):
            self._missing -= len(data)
            return None
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._received[:end]).lower()
        size = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        self._missing = end + 4 + size - len(self._received)
        if self._missing > 0:
            return None
        self._missing = 0
        body = bytes(self._received[end + 4 :])
        self._received.clear()
        return int(head[9:12]), head, body

    def reconnect(self) -> None:
        """Connect again."""
        self.socket.close()
        self._received.clear()
        self._missing = 0
        self.socket = self._connected()


Dial = Callable[[int], Caller]
"""Connects to a port, with the protocol of its server."""


class CallerPool:
    """A pool of clients."""

    def __init__(self, port: int, size: int, dial: Dial) -> None:
        self._selector = selectors.DefaultSelector()
        self.idle = [dial(port) for _ in range(size)]
        for caller in self.idle:
            self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        self.tally = Tally()

    def send(self, request: bytes, due: float) -> None:
        """Send a request with an idle client."""
        caller = self.idle.pop()
        try:
            caller.send(request, due)
        except OSError:
            self._again(caller)

    def _again(self, caller: Caller) -> None:
        """Send a request again after the server has closed the connection, for example to replace a worker."""
        self.tally.lost += 1
        self._selector.unregister(caller.socket)
        caller.reconnect()
        self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        if caller not in self.idle:
            caller.send(caller.request, caller.due)

    def listen(self, timeout: float) -> bool:
        """Read the available responses, and return True if there are any."""
        ready = self._selector.select(timeout)
        for key, _ in ready:
            caller: Caller = key.data
            try:
                answer = caller.answer()
            except OSError:
                self._again(caller)
                continue
            if answer is not None:
                self.tally.statuses[answer[0]] += 1
                self.tally.latencies.append(time.perf_counter() - caller.due)
                self.idle.append(caller)
        return bool(ready)

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def closed(
    port: int,
    requests: Requests,
    *,
    connections: int,
    count: int = 1 << 62,
    seconds: float = ANSWER_TIMEOUT,
    dial: Dial = Caller,
) -> Tally:
    """Send ``count`` requests, or send for ``seconds``; each client waits for its response. Raises: NoAnswer."""
    pool, sent, began = CallerPool(port, connections, dial), 0, time.perf_counter()
    try:
        while ((now := time.perf_counter()) < began + seconds and sent < count) or len(pool.idle) < connections:
            while pool.idle and sent < count and now < began + seconds:
                pool.send(requests(sent), time.perf_counter())
                sent += 1
            if not pool.listen(ANSWER_TIMEOUT):
                raise NoAnswer(f"no response within {ANSWER_TIMEOUT:.0f} seconds")
    finally:
        pool.close()
    pool.tally.seconds = time.perf_counter() - began
    return pool.tally


def steady(
    port: int, requests: Requests, *, rate: float, seconds: float, connections: int, dial: Dial = Caller
) -> Tally:
    """Send requests at a rate. The latency includes the wait for a free connection. Raises: NoAnswer."""
    pool, sent, began = CallerPool(port, connections, dial), 0, time.perf_counter()
    total = int(rate * seconds)
    try:
        while sent < total or len(pool.idle) < connections:
            now = time.perf_counter()
            while pool.idle and sent < total and began + sent / rate <= now:
                pool.send(requests(sent), began + sent / rate)
                sent += 1
            next_due = began + sent / rate - time.perf_counter() if sent < total and pool.idle else ANSWER_TIMEOUT
            if not pool.listen(max(0.0, next_due)) and next_due == ANSWER_TIMEOUT:
                raise NoAnswer(f"no response within {ANSWER_TIMEOUT:.0f} seconds")
    finally:
        pool.close()
    pool.tally.seconds = time.perf_counter() - began
    return pool.tally


def one(port: int, request: bytes, dial: Dial = Caller) -> tuple[int, bytes, bytes]:
    """Send one request, and return status, head and body of the response. Raises: OSError."""
    caller = dial(port)
    try:
        caller.send(request, 0.0)
        while (answer := caller.answer()) is None:
            pass
        return answer
    finally:
        caller.socket.close()
