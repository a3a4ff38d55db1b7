"""A minimal gRPC client: prepared HTTP/2 frames, therefore a call costs the caller no more than a request."""

import struct
from collections.abc import Mapping
from typing import Final

from bench.load import CHUNK, Caller

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x6, 0x7, 0x8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
MOST: Final = (1 << 31) - 1
_HEAD: Final = 9
_PREFIX: Final = 5
"""The prefix of a message: the flag for compression, and its length."""


def _frame(kind: int, flags: int, payload: bytes, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


HELLO: Final = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    # No table of header fields (1): trailers are not indexed; windows (4) that never close; long frames (5).
    + _frame(SETTINGS, 0, struct.pack(">HIHIHI", 1, 0, 4, MOST, 5, CHUNK))
    + _frame(WINDOW_UPDATE, 0, struct.pack(">I", MOST - 0xFFFF))
)
_SUCCEEDED: Final = b"grpc-status\x010"


def _packed(text: str) -> bytes:
    """Return a string in HPACK's format (RFC 7541, 5.2), without Huffman's code."""
    data, rest, size = text.encode(), len(text.encode()) - 0x7F, bytearray()
    if rest < 0:
        return bytes([len(data)]) + data
    while rest >= 0x80:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return b"\x7f" + bytes(size) + bytes([rest]) + data


def call(method: str, message: bytes, token: Mapping[str, str]) -> bytes:
    """Return the frames of a call, on stream 0: sending replaces the number."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/todo.v1.TodoService/{method}",
        ":authority": "127.0.0.1",
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "bench/1",
        **{name.lower(): value for name, value in token.items()},
    }
    head = b"".join(b"\x00" + _packed(name) + _packed(value) for name, value in fields.items())
    sent = struct.pack(">BI", 0, len(message)) + message
    return _frame(HEADERS, END_HEADERS, head) + _frame(DATA, END_STREAM, sent)


class RpcCaller(Caller):
    """One connection with one call at a time; the status is that of HTTP: 200, or 500 for everything else."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._begin()

    def _begin(self) -> None:
        self._stream = -1
        self._message = bytearray()
        self.socket.sendall(HELLO)

    def send(self, encoded: bytes, due: float) -> None:
        """Send a call. Raises: OSError."""
        self.encoded, self.due = encoded, due
        self._stream += 2
        stream, second = struct.pack(">I", self._stream), _HEAD + int.from_bytes(encoded[:3])
        self.socket.sendall(
            b"".join((encoded[:5], stream, encoded[_HEAD : second + 5], stream, encoded[second + _HEAD :]))
        )

    def answer(self) -> tuple[int, bytes, bytes] | None:
        """Return status, trailers and message, once all of it has arrived. Raises: ConnectionError."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("closed")
        received, at, found = self._received, 0, None
        received += data
        while len(received) >= at + _HEAD:
            size, kind, flags = int.from_bytes(received[at : at + 3]), received[at + 3], received[at + 4]
            end = at + _HEAD + size
            if len(received) < end:
                break
            found = self._heard(kind, flags, received[at + _HEAD : end]) or found
            at = end
        del received[:at]
        return found

    def _heard(self, kind: int, flags: int, payload: bytearray) -> tuple[int, bytes, bytes] | None:
        """Read a frame, and return the response if it ends with it. Raises: ConnectionError."""
        if kind == DATA:
            self._message += payload
        elif kind == HEADERS and flags & END_STREAM:
            message, self._message = bytes(self._message[_PREFIX:]), bytearray()
            return 200 if _SUCCEEDED in payload else 500, bytes(payload), message
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self.socket.sendall(_frame(kind, ACK, b"" if kind == SETTINGS else bytes(payload)))
        elif kind == GOAWAY:
            raise ConnectionError("sent away")
        return None

    def renew(self) -> None:
        """Connect again."""
        super().renew()
        self._begin()
