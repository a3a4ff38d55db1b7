"""Bytes of a body, or behind a rejected request, are never taken for a request (RFC 9112 section 11.2).

Each case ends in bytes that only a wrong parser takes for a request, for a path that must not appear in any response;
directly at gunicorn and through nginx.
"""

from collections.abc import Callable
from typing import Final

import pytest

from tests.stack.conftest import Served
from tests.stack.deployment import Deployment, needs_nginx

Send = Callable[..., bytes]
SILENCE: Final = 0.25
"""Seconds of silence after which an open connection sends nothing more."""
MARKER: Final = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST: Final = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
REFUSED: Final = (400, 413, 414, 431, 501)


def chunks(*lines: bytes) -> bytes:
    """Return a chunked POST with these lines as its body."""
    return POST + CHUNKED + b"\r\n" + b"".join(lines)


def framed(*fields: bytes) -> bytes:
    """Return a POST with these fields of its length, and an empty chunked body."""
    return POST + b"".join(field + b"\r\n" for field in fields) + b"\r\n0\r\n\r\n"


CL: Final = b"Content-Length: 5"
TE: Final = b"Transfer-Encoding: chunked"

AMBIGUOUS: Final = {
    "CL.TE": framed(b"Content-Length: 6", TE),
    "TE.CL": framed(TE, b"Content-Length: 4"),
    "two lengths": framed(CL, b"Content-Length: 0"),
    "a list of lengths": framed(b"Content-Length: 5, 5"),
    "a list of two lengths": framed(b"Content-Length: 5, 0"),
    "a length with a plus": framed(b"Content-Length: +5"),
    "a negative length": framed(b"Content-Length: -1"),
    "a hexadecimal length": framed(b"Content-Length: 0x5"),
    "a length with a space in it": framed(b"Content-Length: 5 0"),
    "no length in the field": framed(b"Content-Length: "),
    "xchunked": framed(b"Transfer-Encoding: xchunked"),
    "a vertical tab": framed(b"Transfer-Encoding:\x0bchunked"),
    "chunked, identity": framed(b"Transfer-Encoding: chunked, identity"),
    "identity, chunked": framed(b"Transfer-Encoding: identity, chunked", b"Content-Length: 5"),
    "gzip, chunked": framed(b"Transfer-Encoding: gzip, chunked"),
    "chunked twice": framed(b"Transfer-Encoding: chunked, chunked"),
    "two codings": framed(TE, b"Transfer-Encoding: identity"),
    "two codings, the other way": framed(b"Transfer-Encoding: identity", TE),
    "quoted": framed(b'Transfer-Encoding: "chunked"'),
    "a space before the colon": framed(b"Transfer-Encoding : chunked", CL),
    "a length with a space before the colon": framed(b"Content-Length : 5"),
    "a folded coding": framed(b"Transfer-Encoding:\r\n chunked"),
    "a folded length": framed(b"Content-Length:\r\n 5"),
    "a carriage return in a field": framed(b"A: b\rTransfer-Encoding: chunked"),
    "a NUL in a field": framed(b"A: b\x00"),
    "a NUL in a name": framed(b"A\x00: b", CL),
    "a field without a colon": framed(b"Transfer-Encoding chunked"),
    "a field that begins with a space": POST + b"\r\n".join([b" A: b", CL, b"", b"hello"]),
    "chunked in HTTP/1.0": framed(TE).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "a version in lower case": b"GET /healthz http/1.1\r\nHost: x\r\n\r\n",
}
"""Rejected, because the length of the request is ambiguous."""

BROKEN: Final = {
    "an invalid size": chunks(b"zz\r\nhello\r\n0\r\n\r\n"),
    "a negative size": chunks(b"-1\r\nhello\r\n0\r\n\r\n"),
    "a size with a plus": chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a size with 0x": chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a size with an underscore": chunks(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "an endless size": chunks(b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n"),
    "a size with a space before it": chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
    "no size": chunks(b"\r\nhello\r\n0\r\n\r\n"),
    "more than the size": chunks(b"3\r\nhello\r\n0\r\n\r\n"),
    "no end of the chunk": chunks(b"5\r\nhello0\r\n\r\n"),
    "a carriage return in an extension": chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
}
"""Rejected while the body is read: the bytes that follow are not a request, whatever they look like."""

SWALLOWED: Final = {
    "in an endless body": framed(b"Content-Length: " + b"9" * 40),
    "in a body with a length": POST + b"Content-Length: %d\r\n\r\n" % len(MARKER),
    "in a chunk": chunks(b"%x\r\n" % len(MARKER)),
    "in a body that a GET has no use for": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    % len(MARKER),
    "in a body behind a rejected head": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    % len(MARKER),
}
"""The bytes are a body; the response depends on the rest of the request."""


@pytest.fixture(params=["gunicorn", pytest.param("nginx", marks=needs_nginx)])
def send(request: pytest.FixtureRequest) -> Send:
    """Return a sender to gunicorn, or through nginx."""
    if request.param == "nginx":
        fronted: Deployment = request.getfixturevalue("fronted")
        return fronted.raw
    served: Served = request.getfixturevalue("served")
    return served.raw


def statuses(answer: bytes) -> list[int]:
    """Return the status of each received response."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_of_ambiguous_length_is_rejected_and_ends_the_connection(send: Send, name: str) -> None:
    answer = send(AMBIGUOUS[name] + MARKER)
    assert b"smuggled" not in answer
    assert len(statuses(answer)) == 1, answer
    assert statuses(answer)[0] in REFUSED, answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_after_a_broken_chunk_are_not_a_request(send: Send, name: str) -> None:
    answer = send(BROKEN[name] + MARKER)
    assert b"smuggled" not in answer
    assert len(statuses(answer)) == 1, answer
    assert statuses(answer)[0] in {400, 401}, answer  # 401: rejected without a token, before the body was read (C9)


@pytest.mark.parametrize("name", SWALLOWED)
def test_bytes_of_a_body_are_not_a_request(send: Send, name: str) -> None:
    answer = send(SWALLOWED[name] + MARKER, timeout=SILENCE)
    assert b"smuggled" not in answer
    assert len(statuses(answer)) <= 1, answer


def test_requests_one_after_the_other_are_two(send: Send) -> None:
    """The marker is answered where it is a request."""
    answer = send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + MARKER, timeout=SILENCE)
    assert statuses(answer) == [200, 404]
    assert b"/smuggled" in answer
