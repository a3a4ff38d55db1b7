"""HTTP/1.1 on a kept-alive connection, light enough to send thousands of requests a second from one process."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

GIVES_UP_AFTER: Final = 30.0
"""Seconds until the client gives up: well beyond any promise."""
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
BODILESS: Final = frozenset({204, 304})
Place = int | Path | tuple[str, int]
"""A port of loopback, a Unix socket, or a host and a port."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and its times; status 0 is a missing response, and ``body`` is then the reason."""

    status: int
    head: bytes
    body: bytes
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return the seconds it took."""
        return self.ended - self.began

    @property
    def json(self) -> dict[str, Any]:
        """Return the body's JSON. Raises: ValueError."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def header(self, name: str) -> str:
        """Return a header field's value, or an empty string."""
        found = re.search(rf"\r\n{name}: *([^\r]*)".encode(), self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


def request(method: str, path: str, body: object = None, **fields: str) -> bytes:
    """Return the bytes of a request; ``If_Match`` is the field If-Match."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"] if body is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + payload


class Wire(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._awaited: asyncio.Future[tuple[int, bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Complete the expected response when all of it has arrived."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._awaited is None or self._awaited.done():
            return
        head = bytes(self._received[: end + 2])
        status = int(head[9:12])
        length = LENGTH.search(head)
        size = int(length[1]) if length and status not in BODILESS else 0
        if len(self._received) >= end + 4 + size:
            body = bytes(self._received[end + 4 : end + 4 + size])
            self._received.clear()
            if CLOSES.search(head):
                self.close()
            self._awaited.set_result((status, head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the expected response, because no more bytes arrive."""
        self._transport = None
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(exc or ConnectionError("closed before the answer"))

    @property
    def is_open(self) -> bool:
        """Return True if another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: bytes) -> "asyncio.Future[tuple[int, bytes, bytes]]":
        """Send a request; the future is its status, head and body. Raises: ConnectionError."""
        if self._transport is None or not self.is_open:
            raise ConnectionError("the connection is closed")
        self._awaited = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return self._awaited

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class Caller:
    """Sends requests on one connection, which it replaces when closed; ``address`` is its own on loopback."""

    def __init__(self, place: Place, *, address: str = "127.0.0.1") -> None:
        self._place, self._address = place, address
        self._wire: Wire | None = None

    async def send(self, message: bytes) -> Answer:
        """Return the response; a lost connection is a response with status 0, never an exception."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(GIVES_UP_AFTER):
                if self._wire is None or not self._wire.is_open:
                    self._wire = await self._connect()
                status, head, body = await self._wire.send(message)
        except (OSError, TimeoutError) as fault:
            self.close()
            return Answer(0, b"", repr(fault).encode(), began, time.monotonic())
        return Answer(status, head, body, began, time.monotonic())

    async def abort(self, message: bytes) -> None:
        """Send a request on a new connection, and close that without waiting for the response."""
        wire = await self._connect()
        wire.send(message).add_done_callback(lambda pending: pending.exception())
        wire.close()

    async def _connect(self) -> Wire:
        loop = asyncio.get_running_loop()
        if isinstance(self._place, Path):
            return (await loop.create_unix_connection(Wire, str(self._place)))[1]
        if isinstance(self._place, tuple):
            return (await loop.create_connection(Wire, *self._place))[1]
        return (await loop.create_connection(Wire, "127.0.0.1", self._place, local_addr=(self._address, 0)))[1]

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
