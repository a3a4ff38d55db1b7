"""The same requests over HTTP/2 (RFC 9113): bytes of HTTP/1.1 become frames, and responses become bytes of HTTP/1.1.

A rule about the bytes of HTTP/1.1 does not apply: ``NotApplicable`` is raised for a request that HTTP/2 cannot express,
and for one that the server rejects by a stream error, as section 8.1.1 specifies.
"""

import contextlib
import re
import ssl
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.conformance.rule import NotApplicable
from tests.conformance.wire import PATIENCE, Answer, Connection, Hangup, Server, Silence, received

LINE: Final = re.compile(rb"([^ \r\n]+) ([^ \r\n]+) HTTP/1\.1\r\n")
FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")
OF_CONNECTIONS: Final = frozenset({b"connection", b"keep-alive", b"te", b"upgrade", b"proxy-connection"})
ABSOLUTE: Final = re.compile(rb"https?://[^/]+(/.*)")
Event = h2.events.Event
Fields = list[tuple[bytes, bytes]]


class Http2Server(Server):
    """An API over HTTP/2, with TLS and ALPN."""

    @classmethod
    def at(cls, url: str, ca_file: str = "") -> "Http2Server":
        """Return the server of an https URL. Raises: ValueError: the URL is invalid, or without TLS."""
        server = super().at(url, ca_file)
        if server.tls is None:
            raise ValueError(f"{url!r}: HTTP/2 needs an https URL")
        server.tls.set_alpn_protocols(["h2"])
        return cls(server.host, server.port, server.tls, server.prefix)

    def wrap(self, connected: Any) -> Connection:
        """Return a connection on which HTTP/2 has begun. Raises: OSError: the server does not offer it."""
        if connected.selected_alpn_protocol() != "h2":
            raise OSError("HTTP/2 is not offered")
        return Http2Connection(connected)


@dataclass
class Stream:
    """A request that was sent, and its response so far."""

    interim: list[Fields] = field(default_factory=list)
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    is_over: bool = False
    reset: int | None = None

    def take(self, event: Event) -> None:
        """Add received bytes."""
        if isinstance(event, h2.events.InformationalResponseReceived):
            self.interim.append(_pairs(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            self.fields = _pairs(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data or b""
        elif isinstance(event, h2.events.StreamEnded):
            self.is_over = True
        elif isinstance(event, h2.events.StreamReset):
            self.is_over, self.reset = True, int(event.error_code or 0)

    def answer(self) -> Answer:
        """Return the response in the form of HTTP/1.1."""
        status = int(self.fields[0][1])
        with contextlib.suppress(ValueError):
            reason = HTTPStatus(status).phrase
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.fields[1:])
        lengths = [int(value) for name, value in fields if name == "content-length" and value.isdigit()]
        is_cut = bool(lengths and self.body and len(self.body) < lengths[0])
        head = b"\r\n".join(b"%s: %s" % pair for pair in self.fields)
        return Answer(status, reason, "HTTP/2", fields, self.body, head, is_cut=is_cut, framed=self.body)


class Http2Connection(Connection):
    """A connection on which each request is a stream; responses are read in the order of the requests."""

    def __init__(self, connected: ssl.SSLSocket) -> None:
        super().__init__(connected)
        configuration = h2.config.H2Configuration(
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=True,
        )
        self._h2 = h2.connection.H2Connection(configuration)
        machine, states, inputs = self._h2.state_machine, h2.connection.ConnectionState, h2.connection.ConnectionInputs
        goaway = {(states.CLIENT_OPEN, inputs.RECV_GOAWAY): (None, states.CLIENT_OPEN)}
        machine._transitions = machine._transitions | goaway  # open streams finish after GOAWAY (RFC 9113, section 6.8)
        self._h2.initiate_connection()
        self._flush()
        self._streams: dict[int, Stream] = {}
        self._unanswered: list[int] = []
        self._begun: list[int] = []
        self._gone: int | None = None

    def send(self, data: bytes) -> None:
        """Send the requests in these bytes of HTTP/1.1. Raises: NotApplicable: HTTP/2 cannot express them."""
        while data:
            fields, body, data, is_whole = translated(data)
            number = self.open(fields, ends=is_whole and not body)
            self.send_body(number, body, is_whole=is_whole)
            if not is_whole:
                self._begun.append(number)

    def open(self, fields: Fields, *, ends: bool = True) -> int:
        """Send the fields of a request, and return the number of its stream."""
        number: int = self._h2.get_next_available_stream_id()
        self._streams[number] = Stream()
        self._unanswered.append(number)
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.send_headers(number, fields, end_stream=ends)
            self._flush()
        return number

    def data(self, number: int, body: bytes, *, padding: int | None = None, ends: bool = False) -> None:
        """Send a part of a body, with a number of bytes of padding."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.send_data(number, body, end_stream=ends, pad_length=padding)
            self._flush()

    def reset(self, number: int) -> None:
        """Cancel a stream."""
        self._unanswered.remove(number)
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            self._flush()

    def has_answered(self, number: int) -> bool:
        """Return True if a stream has its response; read the bytes received until now."""
        with contextlib.suppress(Silence):
            self._more(time.monotonic() + 0.05)
        return self._streams[number].is_over

    def goodbye(self, within: float = PATIENCE) -> int | None:
        """Return the error code of a GOAWAY that arrives in time; ``None`` without one."""
        deadline = time.monotonic() + within
        with contextlib.suppress(Silence):
            while self._gone is None and not self._is_over:
                self._more(deadline)
        return self._gone

    def finish(self) -> None:
        """End the streams whose content is not complete."""
        for number in self._begun:
            self.data(number, b"", ends=True)

    def receive(self, method: str = "GET", *, within: float = PATIENCE, interim: bool = False) -> Answer:
        """Return the answer to the next request, as ``Connection.receive`` does."""
        deadline = time.monotonic() + within
        stream = self._streams[self._unanswered.pop(0)]
        while not stream.is_over and not (interim and stream.interim):
            if self._is_over and self._gone == h2.errors.ErrorCodes.ENHANCE_YOUR_CALM:
                raise NotApplicable("rejected with the connection (ENHANCE_YOUR_CALM), as RFC 9113 §10.5 allows")
            if self._is_over:
                raise Hangup
            self._more(deadline)
        if stream.fields:
            return stream.answer()
        if stream.reset is not None:
            raise NotApplicable(f"rejected by a stream error ({stream.reset}), which HTTP/2 provides for (§8.1.1)")
        raise Hangup

    def is_closed(self, within: float | None = None) -> bool:
        """Return ``False``: a stream ends, and its connection goes on. Raises: NotApplicable: it must close."""
        if within is None:
            raise NotApplicable("HTTP/2 ends streams, and not the connection")
        return False

    @property
    def unread(self) -> bytes:
        """Return no bytes: HTTP/2 receives frames."""
        return b""

    def send_body(self, number: int, body: bytes, *, is_whole: bool = True) -> None:
        """Send a body as fast as the server accepts it, and stop when the stream has its response."""
        stream, deadline = self._streams[number], time.monotonic() + PATIENCE
        while body and not stream.is_over:
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if room <= 0:
                self._more(deadline)
                continue
            self.data(number, body[:room], ends=is_whole and len(body) <= room)
            body = body[room:]

    def _more(self, deadline: float) -> None:
        """Read frames, and send the frames that HTTP/2 requires in return. Raises: Silence."""
        data = received(self._socket, deadline)
        self._is_over = not data
        if not data:
            return
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                with contextlib.suppress(h2.exceptions.ProtocolError):
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if isinstance(event, h2.events.ConnectionTerminated):
                self._gone = int(event.error_code or 0)
                self._is_over = self._is_over or bool(self._gone)
            stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
            if stream is not None:
                stream.take(event)
        self._flush()

    def _flush(self) -> None:
        """Send pending bytes; a server that closes during a request may have sent the reason, and stop reading."""
        try:
            self._socket.sendall(self._h2.data_to_send())
        except (ConnectionError, ssl.SSLError):
            self._is_over = True
            if self._gone is None:
                self._gone = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


def translated(data: bytes) -> tuple[Fields, bytes, bytes, bool]:
    """Return the fields and the content of the first request, the bytes after it, and whether its content is complete.

    Raises:
        NotApplicable: it is not well-formed in HTTP/1.1, or its error exists in HTTP/1.1 only.
    """
    line = LINE.match(data)
    if line is None:
        raise NotApplicable("a request line that HTTP/2 does not have")
    method, target = line.groups()
    if absolute := ABSOLUTE.fullmatch(target):
        target = absolute[1]
    fields: Fields = []
    place = line.end()
    while not data.startswith(b"\r\n", place):
        found = FIELD.match(data, place)
        if found is None:
            raise NotApplicable("a field line that HTTP/2 does not have")
        fields.append((found[1].lower(), found[2]))
        place = found.end()
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or any(name == b"transfer-encoding" for name, _ in fields):
        raise NotApplicable("fields that HTTP/2 replaces by frames")
    lengths = [value for name, value in fields if name == b"content-length"]
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise NotApplicable("a length that HTTP/2 replaces by frames")
    length = int(lengths[0]) if lengths else 0
    body, rest = data[place + 2 : place + 2 + length], data[place + 2 + length :]
    pseudo = [(b":method", method), (b":scheme", b"https"), (b":path", target)]
    pseudo += [(b":authority", hosts[0])] if hosts else []
    return (
        [*pseudo, *(pair for pair in fields if pair[0] not in OF_CONNECTIONS | {b"host"})],
        body,
        rest,
        len(body) == length,
    )


def _pairs(headers: Any) -> Fields:
    return [(bytes(name), bytes(value)) for name, value in headers or ()]
