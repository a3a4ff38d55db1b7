"""The states of a connection: bytes in, complete requests out, whatever the segments of the bytes."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploy.serving.connection_state import MAX_COLLECTED, REJECTED, Framing, Incoming, Memory, Rules, State

HEAD = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /healthz?a=b HTTP/1.1\r\nHost: x\r\n\r\n"
POST = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKS = b"3\r\nabc\r\n2;a=b\r\nde\r\n0\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def examine(data: bytes) -> Framing | None:
    """Parse heads that are not plain, in place of gunicorn's parser."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if b"BAD" in head:
        return REJECTED
    if not end:
        return None
    expects = b"Expect" in head
    if b"chunked" in head:
        return Framing(len(head) + 4, None, expects)
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)
    return Framing(len(head) + 4, length, expects)


RULES = Rules(examine, max_octets=8190, max_fields=100)


@pytest.fixture
def memory() -> Memory:
    return Memory(200_000)


@pytest.fixture
def incoming(memory: Memory) -> Incoming:
    return Incoming(RULES, memory)


def requests_of(incoming: Incoming, parts: list[bytes]) -> Iterator[bytes]:
    """Yield each complete request."""
    for part in parts:
        state = incoming.feed(part)
        while state is State.COMPLETE:
            before = incoming.data
            state = incoming.drop()
            yield before[: len(before) - len(incoming.data)]


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED + CHUNKS], ids=["GET", "POST", "chunked"])
def test_a_request_that_is_split_anywhere_is_complete_with_its_last_byte(memory: Memory, request_: bytes) -> None:
    for at in range(1, len(request_)):
        incoming = Incoming(RULES, memory)
        assert incoming.feed(request_[:at]) in {State.HEAD, State.BODY}
        assert incoming.feed(request_[at:]) is State.COMPLETE
        assert incoming.drop() is State.IDLE
    assert memory.used == 0


def test_single_bytes_make_the_same_requests(incoming: Incoming, memory: Memory) -> None:
    stream = GET + POST + CHUNKED + CHUNKS + b"0" * 0 + GET
    assert list(requests_of(incoming, [stream[at : at + 1] for at in range(len(stream))])) == [
        GET,
        POST,
        CHUNKED + CHUNKS,
        GET,
    ]
    assert memory.used == 0


def test_pipelined_requests_are_complete_one_after_the_other(incoming: Incoming) -> None:
    assert list(requests_of(incoming, [POST + GET + POST[:10], POST[10:]])) == [POST, GET, POST]


def test_a_plain_request_has_its_parts_and_its_body(incoming: Incoming) -> None:
    assert incoming.feed(POST + GET) is State.COMPLETE
    assert incoming.plain is not None
    assert (incoming.plain.method, incoming.plain.path, incoming.body()) == ("POST", "/v1/tasks", b"hello")


def test_a_chunked_request_is_not_plain(incoming: Incoming) -> None:
    assert incoming.feed(CHUNKED + CHUNKS) is State.COMPLETE
    assert incoming.plain is None


def test_no_head_is_plain_if_none_may_be(memory: Memory) -> None:
    incoming = Incoming(replace(RULES, max_octets=0), memory)
    assert incoming.feed(GET) is State.COMPLETE
    assert incoming.plain is None


def test_a_head_that_the_parser_rejects_is_complete_at_once(incoming: Incoming) -> None:
    assert incoming.feed(b"BAD") is State.COMPLETE
    assert incoming.plain is None


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"3\r\nabcde", b"f" * 17 + b"\r\n", b"1\r\na\r\n\r\n", b"0" * 8191], ids=lambda body: body[:8]
)
def test_invalid_chunks_are_complete_because_the_parser_rejects_them(incoming: Incoming, body: bytes) -> None:
    assert incoming.feed(CHUNKED + body) is State.COMPLETE


def test_trailers_belong_to_the_request(incoming: Incoming) -> None:
    request = CHUNKED + b"1\r\na\r\n0\r\nA: b\r\n"
    assert incoming.feed(request) is State.BODY
    assert incoming.feed(b"\r\n" + GET) is State.COMPLETE
    assert incoming.drop() is State.COMPLETE
    assert incoming.data == GET


@pytest.mark.parametrize("length", [MAX_COLLECTED + 1, 10**17])
def test_a_body_that_is_declared_too_large_is_not_collected(incoming: Incoming, length: int) -> None:
    assert incoming.feed(HEAD + b"Content-Length: %d\r\n\r\n" % length) is State.EARLY


def test_the_largest_collected_body_is_collected(incoming: Incoming, memory: Memory) -> None:
    assert incoming.feed(HEAD + b"Content-Length: %d\r\n\r\n" % MAX_COLLECTED) is State.BODY
    assert incoming.feed(b"a" * MAX_COLLECTED) is State.COMPLETE
    assert len(incoming.body()) == MAX_COLLECTED
    incoming.drop()
    assert memory.used == 0


@pytest.mark.parametrize("chunks", [b"fffff\r\n", b"1\r\na\r\n" * (MAX_COLLECTED // 6 + 1)], ids=["one", "many"])
def test_chunks_that_are_too_large_are_not_collected(incoming: Incoming, chunks: bytes) -> None:
    assert incoming.feed(CHUNKED + chunks) is State.EARLY


def test_a_client_that_expects_100_is_served_early(incoming: Incoming) -> None:
    assert incoming.feed(HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n") is State.EARLY


def test_a_body_that_was_sent_in_spite_of_an_expectation_is_complete(incoming: Incoming) -> None:
    assert incoming.feed(HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello") is State.COMPLETE


def test_bodies_are_collected_up_to_the_memory_of_all_connections(memory: Memory) -> None:
    part = HEAD + b"Content-Length: 60000\r\n\r\n" + b"a" * 50_000
    many = [Incoming(RULES, memory) for _ in range(4)]
    assert [each.feed(part) for each in many] == [State.BODY] * 3 + [State.EARLY]
    assert memory.used <= 200_000
    many[0].restart(b"")
    assert many[3].restart(part) is State.BODY


def test_a_head_for_which_there_is_no_memory_ends_the_connection() -> None:
    incoming = Incoming(RULES, Memory(100))
    assert incoming.feed(b"GET / HTTP/1.1\r\nA: " + b"a" * 100) is State.ENDED


def test_the_end_of_the_connection_completes_an_incomplete_body(incoming: Incoming) -> None:
    """The parser then rejects it."""
    incoming.feed(POST[:-1])
    assert incoming.end() is State.COMPLETE
    assert incoming.plain is None


@pytest.mark.parametrize("received", [b"", GET[:10]])
def test_the_end_of_the_connection_before_the_end_of_a_head_is_just_an_end(incoming: Incoming, received: bytes) -> None:
    if received:
        incoming.feed(received)
    assert incoming.end() is State.ENDED


def test_a_large_head_is_not_examined_with_each_byte(memory: Memory) -> None:
    """Otherwise a client that sends single bytes would cost more with each one."""
    examined: list[int] = []

    def count(data: bytes) -> Framing | None:
        examined.append(len(data))
        return examine(data)

    incoming = Incoming(replace(RULES, examine=count), memory)
    incoming.feed(b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_COLLECTED)
    for _ in range(1000):
        assert incoming.feed(b"a") is State.HEAD
    assert len(examined) < 3
    assert incoming.feed(b"\r\n\r\n") is State.COMPLETE
