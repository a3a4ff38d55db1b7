"""A load generator over kept-alive connections in one thread, which needs some ten microseconds for a request.

``closed`` has a number of callers that send one request after another, which measures capacity; ``steady`` sends at a
fixed rate regardless of the responses, and counts from when a request was due, so a server that stalls cannot hide it.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PATIENCE: Final = 30.0
"""Seconds without any response after which the server is considered dead."""
CHUNK: Final = 1 << 20
Requests = Callable[[int], bytes]
"""Makes the bytes of request number n."""


class NoAnswer(RuntimeError):
    """The server does not answer."""


@dataclass
class Tally:
    """The responses."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    """Requests whose connection was closed instead, and which were sent again."""

    def __add__(self, other: "Tally") -> "Tally":
        """Return the responses of both, one after the other."""
        return Tally(
            self.seconds + other.seconds,
            self.latencies + other.latencies,
            self.statuses + other.statuses,
            self.lost + other.lost,
        )

    def share(self, *expected: int) -> float:
        """Return the share with this status."""
        return sum(self.statuses[status] for status in expected) / max(1, self.statuses.total())

    def quantile(self, q: float) -> float:
        """Return the milliseconds that this share of the responses took at most."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000 if ordered else float("nan")


class Caller:
    """One connection with one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._connected()
        self.encoded, self.due = b"", 0.0
        self._received = bytearray()
        self._missing = 0

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def send(self, encoded: bytes, due: float) -> None:
        """Send a request. Raises: OSError."""
        self.encoded, self.due = encoded, due
        self.socket.sendall(encoded)

    def answer(self) -> tuple[int, bytes, bytes] | None:
        """Return status, head and body, once all of it has arrived. Raises: ConnectionError."""
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

    def renew(self) -> None:
        """Connect again."""
        self.socket.close()
        self._received.clear()
        self._missing = 0
        self.socket = self._connected()


Dial = Callable[[int], Caller]
"""Connects to a port, with the protocol of the server."""


class Crowd:
    """Callers, and the idle ones among them."""

    def __init__(self, port: int, size: int, dial: Dial) -> None:
        self._selector = selectors.DefaultSelector()
        self.idle = [dial(port) for _ in range(size)]
        for caller in self.idle:
            self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        self.tally = Tally()

    def send(self, encoded: bytes, due: float) -> None:
        """Send a request by an idle caller."""
        caller = self.idle.pop()
        try:
            caller.send(encoded, due)
        except OSError:
            self._again(caller)

    def _again(self, caller: Caller) -> None:
        """Send a request again whose connection the server has closed, as a worker that is replaced does."""
        self.tally.lost += 1
        self._selector.unregister(caller.socket)
        caller.renew()
        self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        if caller not in self.idle:
            caller.send(caller.encoded, caller.due)

    def listen(self, timeout: float) -> bool:
        """Read the responses that have arrived, and return True if there were any."""
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
        """Close the connections."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def closed(
    port: int,
    requests: Requests,
    *,
    connections: int,
    count: int = 1 << 62,
    seconds: float = PATIENCE,
    dial: Dial = Caller,
) -> Tally:
    """Send that many requests, or for that long, each caller as soon as it has its response. Raises: NoAnswer."""
    crowd, sent, began = Crowd(port, connections, dial), 0, time.perf_counter()
    try:
        while ((now := time.perf_counter()) < began + seconds and sent < count) or len(crowd.idle) < connections:
            while crowd.idle and sent < count and now < began + seconds:
                crowd.send(requests(sent), time.perf_counter())
                sent += 1
            if not crowd.listen(PATIENCE):
                raise NoAnswer(f"no answer within {PATIENCE:.0f} seconds")
    finally:
        crowd.close()
    crowd.tally.seconds = time.perf_counter() - began
    return crowd.tally


def steady(
    port: int, requests: Requests, *, rate: float, seconds: float, connections: int, dial: Dial = Caller
) -> Tally:
    """Send requests at a rate; those for which no connection is left wait, and that counts. Raises: NoAnswer."""
    crowd, sent, began = Crowd(port, connections, dial), 0, time.perf_counter()
    total = int(rate * seconds)
    try:
        while sent < total or len(crowd.idle) < connections:
            now = time.perf_counter()
            while crowd.idle and sent < total and began + sent / rate <= now:
                crowd.send(requests(sent), began + sent / rate)
                sent += 1
            next_due = began + sent / rate - time.perf_counter() if sent < total and crowd.idle else PATIENCE
            if not crowd.listen(max(0.0, next_due)) and next_due == PATIENCE:
                raise NoAnswer(f"no answer within {PATIENCE:.0f} seconds")
    finally:
        crowd.close()
    crowd.tally.seconds = time.perf_counter() - began
    return crowd.tally


def one(port: int, encoded: bytes, dial: Dial = Caller) -> tuple[int, bytes, bytes]:
    """Return status, head and body of the answer to one request. Raises: OSError."""
    caller = dial(port)
    try:
        caller.send(encoded, 0.0)
        while (answer := caller.answer()) is None:
            pass
        return answer
    finally:
        caller.socket.close()
