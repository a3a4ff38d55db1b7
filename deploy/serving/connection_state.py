"""The state of a connection between bytes and requests: bytes in, complete requests or rejections out.

It has neither gunicorn nor sockets. The head is examined first. Then the body is collected, up to ``MAX_COLLECTED``
bytes in a connection and ``MAX_MEMORY`` bytes in all connections. A client that sends slowly therefore occupies no
thread. A request that cannot be collected is EARLY: a thread must wait for the rest of it.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from deploy.serving import plain_request
from deploy.serving.plain_request import PlainRequest

MAX_COLLECTED: Final = 65536
"""Bytes of an incomplete request that a connection keeps in memory."""
MAX_MEMORY: Final = 32 << 20
"""Bytes of all incomplete requests of a worker."""
MAX_CHUNK_LINE: Final = 8190
STEP: Final = 8192
"""Bytes by which a large head grows before it is examined again."""
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[\t ]*;[^\r\n]*)?\r\n")
_LINE_END, _HEAD_END = b"\r\n", b"\r\n\r\n"


class State(Enum):
    """The bytes that a connection waits for."""

    IDLE = "idle"
    """It waits for a request."""
    HEAD = "head"
    """It waits for the rest of a head."""
    BODY = "body"
    """It waits for the rest of a body."""
    EARLY = "early"
    """A thread must read the rest: the client expects 100, or the rest is too large to be collected."""
    COMPLETE = "complete"
    """A request is complete, or is rejected already."""
    ENDED = "ended"
    """The client sends no more."""


@dataclass(frozen=True, slots=True)
class Framing:
    """The length of a request, in bytes."""

    head: int
    body: int | None
    """``None`` for a chunked body."""
    awaits_continue: bool = False
    """True if the client waits for 100 before it sends the body."""


REJECTED: Final = Framing(0, 0)
"""The framing of a request that the parser rejects: more bytes would not change that."""
Examine = Callable[[bytes], Framing | None]
"""A strict parser, for all heads that are not plain. ``None``: the head is incomplete, and not rejected so far."""


class Memory:
    """A limit of the bytes that all connections keep. Thread-safe."""

    def __init__(self, limit: int = MAX_MEMORY) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self.used = 0

    def claim(self, octets: int) -> bool:
        """Return True, and count the bytes, if they fit."""
        with self._lock:
            fits = self.used + octets <= self._limit
            self.used += octets if fits else 0
            return fits

    def release(self, octets: int) -> None:
        """Count the bytes no longer."""
        with self._lock:
            self.used -= octets


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of plain heads, and the parser of all other heads."""

    examine: Examine
    max_octets: int
    """The maximum length of a plain head; 0 if no head is plain."""
    max_fields: int


class Incoming:
    """The received bytes of a connection, from the start of its next request. Not thread-safe."""

    __slots__ = ("_claimed", "_end", "_examined", "_framing", "_memory", "_rules", "_scanned", "data", "plain", "state")

    def __init__(self, rules: Rules, memory: Memory) -> None:
        self._rules, self._memory = rules, memory
        self.data, self.state = b"", State.IDLE
        self.plain: PlainRequest | None = None
        """The head of a complete request, if it is plain."""
        self._claimed = self._scanned = self._end = self._examined = 0
        self._framing: Framing | None = None

    def feed(self, data: bytes) -> State:
        """Add received bytes, and return the new state."""
        if not self.data and self._is_whole(data):
            return State.COMPLETE
        self.data = self.data + data if self.data else data
        self.state = self._advanced()
        if self.state is not State.COMPLETE:
            self._claim()
        return self.state

    def end(self) -> State:
        """Note that the client sends no more, and return the new state.

        A request with an incomplete body is then complete, but not plain: the parser rejects it.
        """
        self.plain = None
        self.state = State.COMPLETE if self.state in {State.BODY, State.EARLY} else State.ENDED
        return self.state

    def body(self) -> bytes:
        """Return the body of the complete plain request."""
        return self.data[self.plain.head_length : self._end] if self.plain and self.plain.length else b""

    def drop(self, octets: int = 0) -> State:
        """Remove a processed request, and return the state of the bytes behind it.

        Args:
            octets: the length of the request, if it is not that of the complete request.
        """
        return self.restart(self.data[octets or self._end :])

    def restart(self, data: bytes) -> State:
        """Replace the bytes by those behind a processed request, and return their state."""
        if self._claimed:
            self._memory.release(self._claimed)
            self._claimed = 0
        self.data, self.state, self.plain, self._framing = b"", State.IDLE, None, None
        self._scanned = self._examined = 0
        return self.feed(data) if data else State.IDLE

    def _is_whole(self, data: bytes) -> bool:
        """Return True, and keep the bytes, if they begin with a whole plain request: the usual case."""
        plain = plain_request.parse(data, max_octets=self._rules.max_octets, max_fields=self._rules.max_fields)
        if plain is None or plain.head_length + plain.length > len(data):
            return False
        self.data, self.plain, self._end = data, plain, plain.head_length + plain.length
        self.state = State.COMPLETE
        return True

    def _advanced(self) -> State:
        if self._framing is None:
            self._framing = self._framed()
        if self._framing is None:
            return State.HEAD
        framing, received = self._framing, len(self.data)
        if framing is REJECTED:
            return State.COMPLETE
        end = framing.head + framing.body if framing.body is not None else self._end_of_chunks(framing.head)
        if end is not None and received >= end:
            self._end = end
            return State.COMPLETE
        is_large = received - framing.head > MAX_COLLECTED or (end is not None and end - framing.head > MAX_COLLECTED)
        return State.EARLY if framing.awaits_continue or is_large else State.BODY

    def _framed(self) -> Framing | None:
        rules, size = self._rules, len(self.data)
        if size > MAX_COLLECTED and size < self._examined + STEP and _HEAD_END not in self.data[self._examined - 3 :]:
            return None
        self._examined = size
        self.plain = plain_request.parse(self.data, max_octets=rules.max_octets, max_fields=rules.max_fields)
        if self.plain is not None:
            return Framing(self.plain.head_length, self.plain.length)
        return rules.examine(self.data)

    def _end_of_chunks(self, head: int) -> int | None:
        """Return the end of a chunked body, or ``None`` if it is incomplete; of an invalid one, all that is received.

        The parser rejects an invalid body. Here only its end matters.
        """
        at = self._scanned or head
        while found := _CHUNK.match(self.data, at):
            self._scanned = at
            after = found.end() + int(found[1], 16)
            if after == found.end():
                return self._end_of_trailers(after)
            if len(self.data) < after + 2:
                return after + 2 if after - head > MAX_COLLECTED else None
            if not self.data.startswith(_LINE_END, after):
                return len(self.data)
            at = after + 2
        self._scanned = at
        is_invalid = self.data.find(_LINE_END, at) >= 0 or len(self.data) - at > MAX_CHUNK_LINE
        return len(self.data) if is_invalid else None

    def _end_of_trailers(self, at: int) -> int | None:
        if self.data.startswith(_LINE_END, at):
            return at + 2
        found = self.data.find(_HEAD_END, at)
        return found + 4 if found >= 0 else None

    def _claim(self) -> None:
        """Count the kept bytes. Without memory for them, a thread must read the rest of a body; a head is given up."""
        more = len(self.data) - self._claimed
        if self._memory.claim(more):
            self._claimed += more
        else:
            self.state = State.ENDED if self.state is State.HEAD else State.EARLY
