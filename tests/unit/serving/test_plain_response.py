"""Responses to plain requests are, byte for byte, those of gunicorn's response class."""

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName

from deploy.serving import plain_request, plain_response, single_write
from deploy.serving.client_socket import ClientSocket
from deploy.serving.connection_state import Memory
from deploy.serving.plain_request import PlainRequest
from deploy.serving.plain_response import Reply

App = Callable[[Callable[..., Any]], Iterable[bytes]]
JSON = ("Content-Type", "application/json")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the service's response class, and one date."""
    monkeypatch.setattr(wsgi, "Response", single_write.SingleWriteResponse)
    monkeypatch.setattr("gunicorn.util.http_date", lambda: "Mon, 30 Nov 2026 12:00:00 GMT")


def request(method: str = "GET", field: str = "A: b") -> PlainRequest:
    data = f"{method} / HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n".encode()
    found = plain_request.parse(data, max_octets=8190, max_fields=100)
    assert found is not None
    return found


def whole(status: str, *fields: tuple[str, str], body: list[bytes]) -> App:
    """Return an application that answers with a list."""

    def app(start: Callable[..., Any]) -> list[bytes]:
        start(status, list(fields))
        return body

    return app


def streamed(start: Callable[..., Any]) -> Iterator[bytes]:
    start("200 OK", [JSON])
    yield b"a"
    yield b"b"


def late(start: Callable[..., Any]) -> list[bytes]:
    start("200 OK", [JSON, ("Content-Length", "1")])
    start("500 Failed", [("Content-Length", "2")], (None, None, None))
    return [b"ab"]


def written(start: Callable[..., Any]) -> list[bytes]:
    write = start("200 OK", [JSON, ("Content-Length", "4")])
    write(b"ab")
    return [b"cd"]


def twice(start: Callable[..., Any]) -> list[bytes]:
    start("200 OK", [JSON, ("Content-Length", "1")])
    start("200 OK", [JSON, ("Content-Length", "1")])
    return [b"a"]


LENGTH = ("Content-Length", "2")
APPS: dict[str, App] = {
    "plain": whole("200 OK", JSON, LENGTH, body=[b"ab"]),
    "no part": whole("401 Unauthorized", ("Content-Length", "0"), body=[]),
    "an empty part": whole("401 Unauthorized", ("Content-Length", "0"), body=[b""]),
    "two parts": whole("200 OK", JSON, LENGTH, body=[b"a", b"b"]),
    "no length": whole("200 OK", JSON, body=[b"ab"]),
    "a length in lower case": whole("200 OK", JSON, ("content-length", "2"), body=[b"ab"]),
    "less than the length": whole("200 OK", JSON, ("Content-Length", "3"), body=[b"ab"]),
    "more than the length": whole("200 OK", JSON, ("Content-Length", "1"), body=[b"ab"]),
    "two lengths": whole("200 OK", JSON, LENGTH, LENGTH, body=[b"ab"]),
    "204": whole("204 No Content", LENGTH, body=[]),
    "304": whole("304 Not Modified", ("ETag", '"a"'), body=[]),
    "no reason": whole("200 ", JSON, LENGTH, body=[b"ab"]),
    "a value with spaces around it": whole("200 OK", ("A", " b\t"), LENGTH, body=[b"ab"]),
    "an empty value": whole("200 OK", ("A", ""), LENGTH, body=[b"ab"]),
    "a value beyond ASCII": whole("200 OK", ("A", "\xe4"), LENGTH, body=[b"ab"]),
    "hop-by-hop fields": whole("200 OK", ("Connection", "x"), ("Server", "y"), ("Date", "z"), LENGTH, body=[b"ab"]),
    "a stream": streamed,
    "a second start": late,
    "a written part": written,
    "a megabyte": whole("200 OK", JSON, ("Content-Length", "1000000"), body=[b"a" * 1_000_000]),
}
FAILING: dict[str, tuple[App, type[Exception]]] = {
    "a line break in a value": (whole("200 OK", ("A", "b\r\nC: d"), LENGTH, body=[b"ab"]), InvalidResponseHeader),
    "a line feed in a value": (whole("200 OK", ("A", "b\n"), LENGTH, body=[b"ab"]), InvalidResponseHeader),
    "a NUL in a value": (whole("200 OK", ("A", "\0"), LENGTH, body=[b"ab"]), InvalidResponseHeader),
    "a name with a space": (whole("200 OK", ("A b", "c"), LENGTH, body=[b"ab"]), InvalidResponseHeaderName),
    "a name with a line break": (whole("200 OK", ("A: b\r\nC", "d"), LENGTH, body=[b"ab"]), InvalidResponseHeaderName),
    "a value that is a number": (whole("200 OK", ("A", 1), LENGTH, body=[b"ab"]), TypeError),  # type: ignore[arg-type]  # on purpose
    "a status that is bytes": (whole(b"200 OK", LENGTH, body=[b"ab"]), TypeError),  # type: ignore[arg-type]  # as above
    "a status with a line break": (whole("200 OK\r\nA: b", LENGTH, body=[b"ab"]), ValueError),
    "a length that is not a number": (whole("200 OK", ("Content-Length", "x"), body=[b"ab"]), ValueError),
    "a second start without an error": (twice, AssertionError),
}


def received(send: Callable[[socket.socket], bool]) -> tuple[bytes, bool]:
    """Return the bytes that a response sends, and whether the connection stays open."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_000_000)
        is_kept = send(ours)
        ours.close()
        found = b""
        while part := theirs.recv(65536):
            found += part
        return found, is_kept


def by_reply(app: App, made: PlainRequest) -> tuple[bytes, bool]:
    def send(sock: socket.socket) -> bool:
        sock.setblocking(False)
        reply = Reply(made, sock, Config())
        is_kept = reply.send(app(reply.start))
        assert not sock.getblocking()
        return is_kept

    return received(send)


def by_gunicorn(app: App, made: PlainRequest) -> tuple[bytes, bool]:
    def send(sock: socket.socket) -> bool:
        response = single_write.SingleWriteResponse(made, sock, Config())
        for part in app(response.start_response):
            response.write(part)
        response.close()
        return not response.should_close()

    return received(send)


@pytest.mark.parametrize("name", APPS)
@pytest.mark.parametrize(
    "made", [request(), request("HEAD"), request(field="Connection: close")], ids=["GET", "HEAD", "close"]
)
def test_the_bytes_are_those_of_gunicorn(name: str, made: PlainRequest) -> None:
    assert by_reply(APPS[name], made) == by_gunicorn(APPS[name], made)


@pytest.mark.parametrize("name", FAILING)
def test_the_errors_are_those_of_gunicorn(name: str) -> None:
    app, error = FAILING[name]
    for send in (by_reply, by_gunicorn):
        with pytest.raises(error):
            send(app, request())


def test_a_plain_response_is_one_segment() -> None:
    """The tests above could pass with gunicorn's class alone."""
    calls: list[int] = []

    class Counting(ClientSocket):
        def send(self, *args: Any) -> int:
            calls.append(len(args[0]))
            return super().send(*args)

    ours, theirs = socket.socketpair()
    with closing(theirs), Counting(ours) as sock:
        reply = Reply(request(), sock, Config())
        assert reply.send(APPS["plain"](reply.start))
        assert calls == [len(theirs.recv(65536))]


def test_the_thread_does_not_wait_for_a_client_that_reads_slowly() -> None:
    """The socket keeps the rest."""
    ours, theirs = socket.socketpair()
    with closing(ClientSocket(ours, Memory())) as sock, closing(theirs):
        sock.setblocking(False)
        reply = Reply(request(), sock, Config())
        assert reply.send(APPS["a megabyte"](reply.start))
        assert sock.unsent
        found = b""
        while not sock.send_more():
            found += theirs.recv(65536)
        while len(found.partition(b"\r\n\r\n")[2]) < 1_000_000:
            found += theirs.recv(65536)
        assert found.endswith(b"\r\n\r\n" + b"a" * 1_000_000)


def test_early_hints_are_sent_before_the_response() -> None:
    def send(sock: socket.socket) -> bool:
        reply = Reply(request(), sock, Config())
        reply.early_hints([("Link", "</a>; rel=preload")])
        return reply.send(APPS["plain"](reply.start))

    found, _ = received(send)
    assert re.fullmatch(
        rb"HTTP/1\.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1\.1 200 OK.*ab", found, re.DOTALL
    )


def test_names_of_applications_fill_no_memory() -> None:
    for number in range(2 * plain_response.MAX_NAMES):
        by_reply(whole("200 OK", (f"A-{number}", "b"), LENGTH, body=[b"ab"]), request())
    assert len(plain_response._NAMES) <= plain_response.MAX_NAMES
