"""The socket of a client, which may read slowly: a thread waits for it at most ``SEND_SECONDS``, or not at all."""

import errno
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Any, Final

from deploy.serving.connection_state import Memory

SEND_SECONDS: Final = 10.0
"""Seconds in which a client must read something, or everything if a thread waits for it."""
MAX_UNSENT: Final = 4 << 20
"""Bytes that a connection keeps for a client."""
NOTHING: Final = memoryview(b"")
NO_MEMORY: Final = Memory(0)
RESET: Final = struct.pack("ii", 1, 0)
"""``struct linger``: closing discards the unsent bytes in the kernel."""


class ClientSocket(socket.socket):
    """Keeps the bytes that a client does not read, if there is memory for them; otherwise ``sendall`` waits."""

    __slots__ = ("_claimed", "_memory", "unsent")

    def __init__(self, accepted: socket.socket, memory: Memory = NO_MEMORY) -> None:
        timeout = accepted.gettimeout()
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.settimeout(timeout)
        self._memory, self._claimed = memory, 0
        self.unsent = NOTHING
        """Bytes for ``send_more``. A view, because a part is removed with each send."""

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send bytes, or keep them; wait for the client, but no longer than SEND_SECONDS, if they cannot be kept.

        Raises:
            BrokenPipeError: the client has not read enough.
            OSError: the client has closed.
        """
        sent = 0
        if not self.unsent:
            with suppress(BlockingIOError):
                sent = self.send(data, socket.MSG_DONTWAIT)
            if sent == len(data):
                return
        self.unsent = memoryview(bytes(self.unsent) + data if self.unsent else bytes(data))[sent:]
        until = None
        while not self.send_more() and not self._claim():
            until = until or time.monotonic() + SEND_SECONDS
            waiting = select.poll()
            waiting.register(self, select.POLLOUT)
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
                self.reset_on_close()
                raise BrokenPipeError(errno.EPIPE, "the client does not read")

    def send_more(self) -> bool:
        """Send the bytes that the client accepts at once, and return True if none is left.

        Raises:
            OSError: the client has closed.
        """
        while self.unsent:
            try:
                sent = self.send(self.unsent, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            self.unsent = self.unsent[sent:]
        self._release()
        return True

    def reset_on_close(self) -> None:
        """Let ``close`` reset the connection: otherwise the kernel keeps the bytes for the client for minutes."""
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def close(self) -> None:
        """Close it, and keep nothing."""
        self._release()
        self.unsent = NOTHING
        super().close()

    def _claim(self) -> bool:
        more = len(self.unsent) - self._claimed
        if len(self.unsent) > MAX_UNSENT or not self._memory.claim(more):
            return False
        self._claimed += more
        return True

    def _release(self) -> None:
        if self._claimed:
            self._memory.release(self._claimed)
            self._claimed = 0
