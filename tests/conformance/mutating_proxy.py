"""A server with exactly one fault: Candor behind a proxy that breaks the subject of one rule."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace

from tests.conformance.wire import Answer, Connection, Hangup, Nonsense, Silence


@dataclass(frozen=True)
class Call:
    """The bytes sent on a connection so far, and the number of its responses."""

    request: bytes
    number: int

    @property
    def method(self) -> str:
        """Return the first method; pipelined requests after it are never HEAD."""
        return self.request.lstrip(b"\r\n").split(b" ", 1)[0].decode("latin-1") if self.number == 1 else "GET"


Spoil = Callable[[Call, Answer], Answer | bytes]


@dataclass(frozen=True)
class Sabotage:
    """Changes of the proxy to requests, to responses, and to connections."""

    spoil: Spoil = lambda _, answer: answer
    tamper: Callable[[bytes], bytes] = lambda request: request
    keeps_open: bool = False
    closes: bool = False


def rendered(call: Call, answer: Answer) -> bytes:
    """Return an answer as bytes."""
    lines = [
        f"{answer.version} {answer.status} {answer.reason}",
        *(f"{name}: {value}" for name, value in answer.fields),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.framed


def with_body(answer: Answer, body: bytes) -> Answer:
    """Return the answer with another content, and its length."""
    fields = tuple((name, str(len(body)) if name == "Content-Length" else value) for name, value in answer.fields)
    return replace(answer, body=body, framed=body, fields=fields)


@dataclass
class Proxy:
    """Relays connections to a server; the sabotage can be changed between two connections."""

    upstream: int
    sabotage: Sabotage = field(default_factory=Sabotage)
    port: int = 0

    @property
    def url(self) -> str:
        """Return the address of the listener."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def listening(self) -> Iterator["Proxy"]:
        """Relay until the end of the block."""
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._relay, args=(client, self.sabotage), daemon=True).start()

    def _relay(self, client: socket.socket, sabotage: Sabotage) -> None:
        with closing(client), closing(socket.create_connection(("127.0.0.1", self.upstream))) as server:
            sent = bytearray()
            pump = threading.Thread(target=_pump, args=(client, server, sent, sabotage), daemon=True)
            pump.start()
            with suppress(OSError, Hangup, Nonsense, Silence):
                _answer(client, Connection(server), sent, sabotage)
            if sabotage.keeps_open:
                pump.join(5)
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            pump.join(1)


def _pump(client: socket.socket, server: socket.socket, sent: bytearray, sabotage: Sabotage) -> None:
    with suppress(OSError):
        while data := client.recv(1 << 20):
            data = sabotage.tamper(data)
            sent += data
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)


def _answer(client: socket.socket, server: Connection, sent: bytearray, sabotage: Sabotage) -> None:
    number = 0
    while True:
        number += 1
        answer = server.receive(Call(bytes(sent), 1).method if number == 1 else "GET", within=10, interim=True)
        if answer.status < 200:
            number -= 1
        call = Call(bytes(sent), max(number, 1))
        spoilt = sabotage.spoil(call, answer)
        client.sendall(spoilt if isinstance(spoilt, bytes) else rendered(call, spoilt))
        if sabotage.closes:
            return


def becomes(old: int, new: int, *, if_sent: bytes = b"") -> Sabotage:
    """Send another status instead, if the request matches."""
    return Sabotage(lambda call, answer: replace(answer, status=new) if _is(call, answer, old, if_sent) else answer)


def without(*names: str, status: int = 0, if_sent: bytes = b"") -> Sabotage:
    """Leave header fields out."""

    def spoil(call: Call, answer: Answer) -> Answer:
        kept = tuple((name, value) for name, value in answer.fields if name not in names)
        return replace(answer, fields=kept) if _is(call, answer, status, if_sent) else answer

    return Sabotage(spoil)


def with_field(name: str, value: str, *, status: int = 0, if_sent: bytes = b"", also: bool = False) -> Sabotage:
    """Send a header field with another value; ``also`` sends the true one as well."""

    def spoil(call: Call, answer: Answer) -> Answer:
        kept = tuple((each, said) for each, said in answer.fields if also or each != name)
        return replace(answer, fields=(*kept, (name, value))) if _is(call, answer, status, if_sent) else answer

    return Sabotage(spoil)


def with_content(change: Callable[[bytes], bytes], *, status: int = 0, if_sent: bytes = b"") -> Sabotage:
    """Send another content."""

    def spoil(call: Call, answer: Answer) -> Answer:
        return with_body(answer, change(answer.body)) if _is(call, answer, status, if_sent) else answer

    return Sabotage(spoil)


def adding(more: bytes, *, status: int = 0, if_sent: bytes = b"") -> Sabotage:
    """Send bytes after the end of an answer."""

    def spoil(call: Call, answer: Answer) -> Answer | bytes:
        return rendered(call, answer) + more if _is(call, answer, status, if_sent) else answer

    return Sabotage(spoil)


def deaf(pattern: bytes, instead: bytes = b"") -> Sabotage:
    """Remove or replace bytes of requests."""
    return Sabotage(tamper=lambda request: re.sub(pattern, instead, request))


def _is(call: Call, answer: Answer, status: int, if_sent: bytes) -> bool:
    return answer.status >= 200 and status in {0, answer.status} and bool(re.search(if_sent, call.request))
