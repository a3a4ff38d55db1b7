"""HTTP/1.1 by hand: exact bytes in both directions, with only as much parsing as reading a response needs."""

import contextlib
import gzip
import json
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

PATIENCE: Final = 5.0
"""Seconds to wait for a response."""
LINGER: Final = 0.25
"""Seconds to wait for further bytes after a response that announced no close."""
CLOSES_WITHIN = 2.0
"""Seconds that a server may take to close a connection that it has to close; tests wait for less time."""
BODILESS: Final = frozenset({204, 304})


class Silence(Exception):
    """No complete response arrived in time."""


class Hangup(Exception):
    """The connection ended before a complete response."""


class Nonsense(Exception):
    """The received bytes are not HTTP/1.1."""


@dataclass(frozen=True)
class Answer:
    """A response, as it was on the wire."""

    status: int
    reason: str
    version: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    head: bytes = field(repr=False)
    surplus: bytes = b""
    """Bytes after the end of the response, without another request."""
    is_cut: bool = False
    """True if fewer bytes arrived than the length promised."""
    framed: bytes = field(default=b"", repr=False)
    """The content as it was sent: with its chunks."""

    @property
    def line(self) -> str:
        """Return status and reason."""
        return f"{self.status} {self.reason}".strip()

    def all(self, name: str) -> list[str]:
        """Return the value of each field line of this name."""
        return [value for each, value in self.fields if each.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the combined value of a field; ``None`` when it is not there."""
        found = self.all(name)
        return ", ".join(found) if found else None

    def listed(self, name: str) -> set[str]:
        """Return the members of a list of tokens, such as ``Allow``."""
        return {member.strip() for member in (self.get(name) or "").split(",") if member.strip()}

    @property
    def media_type(self) -> str:
        """Return the type of the content, without parameters."""
        return (self.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Return True if the content is declared to be JSON."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def content(self) -> bytes:
        """Return the content without its coding (RFC 9110, section 8.4); as it is if it can't be decoded."""
        if (self.get("Content-Encoding") or "").strip().lower() not in {"gzip", "x-gzip"}:
            return self.body
        with contextlib.suppress(OSError, EOFError, zlib.error):
            return gzip.decompress(self.body)
        return self.body

    def json(self) -> Any:
        """Return the content as strict JSON (RFC 8259; names unique). Raises: ValueError."""
        text = self.content.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_reject, parse_int=_integer)

    @property
    def document(self) -> dict[str, Any]:
        """Return the JSON object; empty when the content is not an object."""
        with contextlib.suppress(ValueError):
            found = self.json()
            if isinstance(found, dict):
                return found
        return {}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name is repeated")
    return members


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 1000 else float(digits)


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True)
class Server:
    """The address of an API."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    prefix: str

    @classmethod
    def at(cls, url: str, ca_file: str = "") -> "Server":
        """Return the server of a URL, whose path begins every path.

        Args:
            url: with http or https.
            ca_file: certificates to trust instead of the system's, or of those that SSL_CERT_FILE names.

        Raises:
            ValueError: the URL is invalid.
            OSError: the file cannot be read.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https URL")
        tls = _context(ca_file) if parts.scheme == "https" else None
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """Return scheme and authority."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return the value of Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @contextlib.contextmanager
    def connect(self) -> Iterator["Connection"]:
        """Yield a connection."""
        raw = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        with contextlib.closing(self._secured(raw)) as connected:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield self.wrap(connected)

    def wrap(self, connected: socket.socket) -> "Connection":
        """Return an HTTP/1.1 connection."""
        return Connection(connected)

    def _secured(self, raw: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(raw, server_hostname=self.host) if self.tls else raw


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connection:
    """A connection, on which requests are bytes and answers are read one by one."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = b""
        self._is_over = False

    def send(self, data: bytes) -> None:
        """Send bytes; a server may respond and close before it has received all of them."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._socket.sendall(data)

    def finish(self) -> None:
        """Signal that no more bytes follow; below TLS, whose own shutdown would prevent reading the response."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def receive(self, method: str = "GET", *, within: float = PATIENCE, interim: bool = False) -> Answer:
        """Return the next response; interim ones (100) only when requested.

        Raises:
            Silence: it does not come in time.
            Hangup: the connection ends instead.
            Nonsense: it is not HTTP/1.1.
        """
        deadline = time.monotonic() + within
        while True:
            answer = self._one(method, deadline)
            if interim or not 100 <= answer.status < 200:
                return answer

    def is_closed(self, within: float | None = None) -> bool:
        """Return True if the server closes, reading further bytes until then."""
        deadline = time.monotonic() + (CLOSES_WITHIN if within is None else within)
        with contextlib.suppress(Silence):
            while not self._is_over:
                self._more(deadline)
        return self._is_over

    @property
    def unread(self) -> bytes:
        """Return the received bytes that are not part of a response."""
        return self._buffer

    def _one(self, method: str, deadline: float) -> Answer:
        while b"\r\n\r\n" not in self._buffer:
            if self._is_over:
                raise Nonsense(repr(self._buffer[:80])) if self._buffer else Hangup
            self._more(deadline)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status, reason, version, fields = _parsed(head)
        answer = Answer(status, reason, version, fields, b"", head)
        if method == "HEAD" or status < 200 or status in BODILESS:
            return answer
        body, framed, is_cut = self._content(answer, deadline)
        return Answer(status, reason, version, fields, body, head, is_cut=is_cut, framed=framed)

    def _content(self, answer: Answer, deadline: float) -> tuple[bytes, bytes, bool]:
        if "chunked" in (answer.get("Transfer-Encoding") or "").lower():
            return self._chunks(deadline)
        lengths = answer.all("Content-Length")
        if not lengths:
            while not self._is_over:
                self._more(deadline)
            body, self._buffer = self._buffer, b""
            return body, body, False
        if not lengths[0].isascii() or not lengths[0].isdigit():
            raise Nonsense(f"Content-Length: {lengths[0]}")
        length = int(lengths[0])
        with contextlib.suppress(Silence):
            while len(self._buffer) < length and not self._is_over:
                self._more(deadline)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body, body, len(body) < length

    def _chunks(self, deadline: float) -> tuple[bytes, bytes, bool]:
        body, framed = b"", b""
        while True:
            line = self._until(b"\r\n", deadline)
            size = int(line.split(b";")[0], 16)
            framed += line + b"\r\n"
            while len(self._buffer) < size + 2:
                if self._is_over:
                    return body + self._buffer, framed + self._buffer, True
                self._more(deadline)
            if size == 0:
                while line := self._until(b"\r\n", deadline):
                    framed += line + b"\r\n"
                return body, framed + b"\r\n", False
            body, framed = body + self._buffer[:size], framed + self._buffer[: size + 2]
            self._buffer = self._buffer[size + 2 :]

    def _until(self, end: bytes, deadline: float) -> bytes:
        while end not in self._buffer:
            if self._is_over:
                raise Hangup
            self._more(deadline)
        line, _, self._buffer = self._buffer.partition(end)
        return line

    def _more(self, deadline: float) -> None:
        data = received(self._socket, deadline)
        self._is_over = not data
        self._buffer += data


def received(connection: socket.socket, deadline: float) -> bytes:
    """Return the bytes that arrive next, and none at the end of the connection.

    Raises:
        Silence: nothing arrived before the deadline.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise Silence
    connection.settimeout(left)
    try:
        return connection.recv(65536)
    except TimeoutError:
        raise Silence from None
    except (ConnectionError, ssl.SSLError):
        return b""


def _parsed(head: bytes) -> tuple[int, str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(code) != 3 or not code.isdigit():
        raise Nonsense(repr(first[:80]))
    fields = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Nonsense(repr(line[:80]))
        fields.append((name, value.strip(" \t")))
    return int(code), reason, version, tuple(fields)
