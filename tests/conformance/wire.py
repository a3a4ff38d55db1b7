"""HTTP/1.1 by hand: exact bytes out, exact bytes in, and only as much understanding as reading an answer takes."""

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
"""Seconds to wait for an answer."""
LINGER: Final = 0.25
"""Seconds to watch, after an answer that announced no close, whether more comes."""
CLOSES_WITHIN = 2.0
"""Seconds that a server may take to close a connection that it has to close; tests are less patient."""
BODILESS: Final = frozenset({204, 304})


class Silence(Exception):
    """Nothing, or no whole answer, came in time."""


class Hangup(Exception):
    """The connection ended before a whole answer."""


class Nonsense(Exception):
    """What came is not HTTP/1.1."""


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
    """What came after the end of the response, though nothing more was asked."""
    is_cut: bool = False
    """Whether less came than the length promised."""
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
        """Tell whether the content is declared to be JSON."""
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
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)

    @property
    def document(self) -> dict[str, Any]:
        """Return the JSON object; empty when the content is none."""
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


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True)
class Server:
    """Where an API listens."""

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
            ValueError: the URL is none.
            OSError: the file cannot be read.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        tls = _context(ca_file) if parts.scheme == "https" else None
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """Return scheme and authority."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return what belongs into Host."""
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
        """Return a connection that speaks HTTP/1.1."""
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
        """Send bytes; a server that has heard enough may answer and close before it has them all."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._socket.sendall(data)

    def finish(self) -> None:
        """Say that no more will be sent; below TLS, whose own shutdown would no longer read what is answered."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def receive(self, method: str = "GET", *, within: float = PATIENCE, interim: bool = False) -> Answer:
        """Return the next answer; interim ones (100) only when asked for.

        Raises:
            Silence: it does not come in time.
            Hangup: the connection ends instead.
            Nonsense: it is no HTTP/1.1.
        """
        deadline = time.monotonic() + within
        while True:
            answer = self._one(method, deadline)
            if interim or not 100 <= answer.status < 200:
                return answer

    def is_closed(self, within: float | None = None) -> bool:
        """Tell whether the server closes, reading what still comes."""
        deadline = time.monotonic() + (CLOSES_WITHIN if within is None else within)
        with contextlib.suppress(Silence):
            while not self._is_over:
                self._more(deadline)
        return self._is_over

    @property
    def unread(self) -> bytes:
        """Return what came and was not read as an answer."""
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
