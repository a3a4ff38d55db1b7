"""A connection is usable or closed, as the last response states; both servers agree (RFC 9112, section 9)."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

import pytest

from tests.server.test_gunicorn import parsed
from tests.stack.conftest import Served
from tests.stack.deployment import Deployment, needs_nginx, received
from tests.stack.test_smuggling import statuses

Bearer = Callable[..., dict[str, str]]
NEXT: Final = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
JSON: Final = "Content-Type: application/json\r\n"
DECLARED: Final = "Content-Length: 12\r\n"
AUTHORIZED: Final = "Authorization: {bearer}\r\n"
LIMIT: Final = 16384
SENT: Final = 1048577
"""Bytes of a body that is too large to skip."""

REFUSED: Final = {
    "401": ("POST /v1/tasks", JSON + DECLARED),
    "404": ("POST /nowhere", JSON + DECLARED),
    "405": ("PUT /v1/tasks", JSON + DECLARED),
    "413": ("POST /v1/tasks", AUTHORIZED + JSON + f"Content-Length: {SENT}\r\n"),
    "415": ("POST /v1/tasks", AUTHORIZED + "Content-Type: text/plain\r\n" + DECLARED),
}
"""Rejected before the body is read."""

BROKEN: Final = {
    "invalid chunks": b"zz\r\n",
    "more than the chunk": b"1\r\n{}\r\n0\r\n\r\n",
    "an invalid trailer": b"2\r\n{}\r\n0\r\nA b\r\n\r\n",
    "more than the service reads": b"%x\r\n%s\r\n" % (LIMIT + 65536, b" " * (LIMIT + 65536)),
}


def request_for(target: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request."""
    lines = [f"{method} {target} HTTP/{version}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def line_of(octets: int) -> bytes:
    """Return a request whose first line has that many octets."""
    rest = octets - len("GET /healthz?a= HTTP/1.1")
    return request_for("/healthz?a=" + "a" * rest, "Host: x")


SAME: Final = {
    "a line of 8,000 octets": (line_of(8000), 400),  # an unknown parameter
    "a line of 8,190 octets": (line_of(8190), 400),
    "a line of 8,191 octets": (line_of(8191), 414),
    "a line of 9,000 octets": (line_of(9000), 414),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "an upgrade to HTTP/2": (request_for("/healthz", "Host: x", "Connection: Upgrade", "Upgrade: h2c"), 200),
    "an upgrade to websockets": (request_for("/healthz", "Host: x", "Connection: Upgrade", "Upgrade: websocket"), 200),
    "a minor version to come": (request_for("/healthz", "Host: x", version="1.2"), 200),
    "a method in lower case": (request_for("/healthz", "Host: x", method="get"), 400),
    "a whole URI": (request_for("http://x/healthz", "Host: x"), 200),
    "a whole URI without a path": (request_for("http://x", "Host: x"), 200),
    "a whole URI without a host": (request_for("http:///healthz", "Host: x"), 400),
    "a whole URI with a user": (request_for("http://u@x/healthz", "Host: x"), 400),
    "an authority to connect to": (request_for("x:80", "Host: x:80", method="CONNECT"), 400),
    "an asterisk to get": (request_for("*", "Host: x"), 400),
    "no host in HTTP/1.0": (request_for("/healthz", version="1.0"), 200),
    "an invalid port": (request_for("/healthz", "Host: x:99999"), 400),
    "a port in letters": (request_for("/healthz", "Host: x:http"), 400),
    "a name with a bracket": (request_for("/healthz", "Host: x", "A(: b"), 400),
    "a name beyond ASCII": (request_for("/healthz", "Host: x", "Ä: b"), 400),
    "an expectation of something else": (request_for("/healthz", "Host: x", "Expect: tea"), 200),
    "gzip in chunks": (request_for("/", "Host: x", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
    "an unknown coding": (request_for("/", "Host: x", "Transfer-Encoding: xchunked"), 501),
    "an unknown coding after chunks": (request_for("/", "Host: x", "Transfer-Encoding: chunked, foo"), 400),
    "an unknown coding and a length": (request_for("/", "Host: x", "Transfer-Encoding: foo", "Content-Length: 5"), 400),
    "an unknown coding in HTTP/1.0": (request_for("/", "Host: x", "Transfer-Encoding: foo", version="1.0"), 400),
    "no coding": (request_for("/", "Host: x", "Transfer-Encoding: "), 400),
}
"""Ambiguous requests, and the status that both servers return for them."""


@pytest.fixture(params=["gunicorn", pytest.param("nginx", marks=needs_nginx)])
def port(request: pytest.FixtureRequest) -> int:
    """Return the port of gunicorn, or that of nginx."""
    if request.param == "nginx":
        fronted: Deployment = request.getfixturevalue("fronted")
        return fronted.port
    served: Served = request.getfixturevalue("served")
    return served.port


def send(port: int, data: bytes, *, timeout: float = 5) -> bytes:
    """Return the bytes received until the peer closes, or is silent for that time."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=timeout)) as connection:
        connection.sendall(data)
        return received(connection)


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_same_directly_and_through_nginx(port: int, name: str) -> None:
    request, status = SAME[name]
    answer = send(port, request, timeout=0.25)
    assert statuses(answer) == [status], answer
    assert (b"application/problem+json" in answer) == (status >= 400)


def test_options_of_the_whole_service_lists_its_methods(port: int) -> None:
    """RFC 9110, section 9.3.7."""
    answer = send(port, request_for("*", "Host: x", method="OPTIONS"), timeout=0.25)
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nAllow: DELETE, GET, HEAD, OPTIONS, PATCH, POST" in answer
    assert b"\r\nX-Request-Id: " in answer


@pytest.mark.parametrize("status", REFUSED)
def test_a_rejection_does_not_request_the_body_first(served: Served, bearer: Bearer, status: str) -> None:
    """C9, RFC 9110, section 10.1.1: no 100, and the connection closes, because the client may still send the body."""
    line, fields = REFUSED[status]
    head = f"{line} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{fields}\r\n"
    answer = send(served.port, head.format(bearer=bearer()["Authorization"]).encode())
    assert statuses(answer) == [int(status)], answer
    assert b"\r\nConnection: close\r\n" in answer


def test_an_expected_body_is_requested_once(port: int, bearer: Bearer) -> None:
    """RFC 9110, section 10.1.1: 100, then the body, then the response; the connection stays usable."""
    body = json.dumps({"task": {"title": ""}}).encode()
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()['Authorization']}\r\n{JSON}"
    head += f"Expect: 100-Continue\r\nContent-Length: {len(body)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body + NEXT)
        connection.settimeout(0.5)
        assert statuses(received(connection)) == [400, 404]


@pytest.mark.parametrize("status", REFUSED)
def test_after_a_rejection_the_connection_is_usable_or_announced_to_close(
    served: Served, bearer: Bearer, status: str
) -> None:
    """RFC 9112, section 9.6: the service skips the body, or it closes the connection and announces that."""
    line, fields = REFUSED[status]
    head = f"{line} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".format(bearer=bearer()["Authorization"]).encode()
    whole = send(served.port, head + b" " * (12 if DECLARED in fields else SENT) + NEXT, timeout=0.5)
    says_close = b"\r\nConnection: close\r\n" in whole.partition(b"\r\n\r\n")[0]
    assert statuses(whole) == ([int(status)] if says_close else [int(status), 404])
    assert says_close == (status == "413")
    missing = send(served.port, head)
    assert statuses(missing) == [int(status)]
    assert b"\r\nConnection: close\r\n" in missing


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("is_authorized", [True, False])
def test_after_a_broken_body_the_close_is_announced(
    served: Served, bearer: Bearer, name: str, *, is_authorized: bool
) -> None:
    """RFC 9112, section 9.6: with the body read (400, 413) or unread (401)."""
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n"
    head += f"Authorization: {bearer()['Authorization'] if is_authorized else 'Bearer nonsense'}\r\n\r\n"
    answer = send(served.port, head.encode() + BROKEN[name] + NEXT)
    assert statuses(answer) in ([[400], [413]] if is_authorized else [[401]]), answer
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("size", ["8000000000000000", "f" * 16, "1" + "0" * 16, "f" * 400])
def test_an_oversized_chunk_is_rejected_at_once(port: int, bearer: Bearer, size: str) -> None:
    """RFC 9112, section 7.1: without waiting for the deadline."""
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()['Authorization']}\r\n{JSON}"
    answer = send(port, f"{head}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{{}}\r\n".encode())
    assert statuses(answer) == [400], answer
    assert b'"code":"MALFORMED_REQUEST"' in answer
    assert b"\r\nConnection: close\r\n" in answer


def test_a_body_that_ends_early_ends_the_connection(served: Served, bearer: Bearer) -> None:
    """RFC 9112, section 8."""
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()['Authorization']}\r\n{JSON}{DECLARED}\r\n{{"
    answered, headers, document = parsed(served.raw(head.encode(), half_close=True))
    assert (answered, document["code"], headers["Connection"]) == (400, "MALFORMED_REQUEST", "close")


@pytest.mark.parametrize("option", ["close", "Close", "close, x", "x, close"])
def test_a_client_that_sends_close_gets_close(port: int, option: str) -> None:
    """RFC 9112, section 9.6."""
    answer = send(port, request_for("/healthz", "Host: x", f"Connection: {option}") + NEXT)
    assert statuses(answer) == [200]
    assert b"\r\nConnection: close\r\n" in answer


def test_clients_that_do_not_close_delay_no_other_client(served: Served) -> None:
    """The main loop, which accepts all connections, does not wait until these close."""
    last = request_for("/healthz", "Host: x", "Connection: close")
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(closing(socket.create_connection(("127.0.0.1", served.port), timeout=5)))
            connection.sendall(last)
            assert received(connection).startswith(b"HTTP/1.1 200 ")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: send(served.port, last, timeout=1), range(16)))
    assert [statuses(answer) for answer in answers] == [[200]] * 16
