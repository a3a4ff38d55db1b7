"""Heads that are parsed without gunicorn mean the same to gunicorn's parser, and all others are left to it."""

import random
from collections.abc import Callable

import pytest
from gunicorn import util
from gunicorn.config import Config

from deploy.serving import plain_request
from deploy.serving.gunicorn_private import ReceivedBytes
from deploy.serving.plain_request import PlainRequest
from deploy.serving.request_parser import Request
from tests.stack.test_hostile_clients import CORPUS, mutated
from tests.stack.test_smuggling import AMBIGUOUS

GET = b"GET /v1/tasks/%C3%A4;b?a=1&b=%20 HTTP/1.1\r\nHost: x:80\r\nX-Long-Name:  a \t\r\nAccept: */*\r\n\r\n"
PLAIN = {
    "a usual one": GET,
    "a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 007\r\n\r\n",
    "an empty query": b"GET /? HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty value": b"GET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a value beyond ASCII": b"GET / HTTP/1.1\r\nHost: x\r\nA: \xe4\xff\r\n\r\n",
    "a colon in a path": b"GET /a:b:c HTTP/1.1\r\nhost: x\r\n\r\n",
    "close": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
    "keep-alive": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
    "all fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(99)) + b"\r\n",
}
OTHERS = {
    "no host": b"GET / HTTP/1.1\r\nA: x\r\n\r\n",
    "no field": b"GET / HTTP/1.1\r\n\r\n",
    "HTTP/1.0": GET.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "an unknown method": GET.replace(b"GET", b"TRACE"),
    "two slashes": b"GET //x/y HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a whole URI": b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a field twice": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\na: c\r\n\r\n",
    "an underscore": b"GET / HTTP/1.1\r\nHost: x\r\nA_B: c\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
    "an option of the connection": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, te\r\n\r\n",
    "an expectation": b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length in hexadecimal": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n",
    "an empty line before it": b"\r\n" + GET,
    "too many fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(100)) + b"\r\n",
    "a long head": GET.replace(b"*/*", b"a" * 8190),
    "half a head": GET[:-2],
}


def plain(data: bytes) -> PlainRequest | None:
    return plain_request.parse(data, max_octets=8190, max_fields=100)


@pytest.fixture
def strict() -> Callable[[bytes], Request]:
    """Return gunicorn's parser, as the service configures it."""
    config = Config()
    config.set("limit_request_line", 8190)
    return lambda data: Request(config, ReceivedBytes(data), ("127.0.0.1", 1))


def assert_same(found: PlainRequest, expected: Request) -> None:
    """Check each part that an application or a response reads."""
    assert (found.method, found.uri, found.query) == (expected.method, expected.uri, expected.query)
    assert util.unquote_to_wsgi_str(found.path) == util.unquote_to_wsgi_str(expected.path)
    assert (found.version, found.scheme, found.length) == (
        expected.version,
        expected.scheme,
        expected.body.reader.length,
    )
    assert sorted(found.headers) == sorted(expected.headers)
    assert found.should_close() == expected.should_close()


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_head_has_the_parts_that_gunicorn_finds(strict: Callable[[bytes], Request], name: str) -> None:
    found = plain(PLAIN[name] + b"rest")
    assert found is not None
    assert found.head_length == len(PLAIN[name])
    assert_same(found, strict(PLAIN[name]))


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_head_is_left_to_gunicorn(name: str) -> None:
    assert plain(OTHERS[name]) is None


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_head_is_not_plain(name: str) -> None:
    assert plain(AMBIGUOUS[name]) is None


def test_mutated_heads_are_plain_only_if_gunicorn_accepts_them(strict: Callable[[bytes], Request]) -> None:
    chance, accepted = random.Random(20261130), 0
    for _ in range(20_000):
        data = mutated(chance)
        found = plain(data)
        if found is not None:
            accepted += 1
            assert_same(found, strict(data))
    assert accepted > 2000


def test_names_from_callers_fill_no_memory() -> None:
    for number in range(2 * plain_request.MAX_KEYS):
        assert plain(b"GET / HTTP/1.1\r\nHost: x\r\nX-%d: a\r\n\r\n" % number) is not None
    assert len(plain_request._KEYS) <= plain_request.MAX_KEYS


def test_the_corpus_has_plain_heads() -> None:
    assert sum(plain(data) is not None for data in CORPUS) >= 5
