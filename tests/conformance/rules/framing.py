"""The end of a request (RFC 9112, sections 6 and 7): two readers that disagree about it allow request smuggling."""

from typing import Final

from tests.conformance.api import Api
from tests.conformance.profile import unique
from tests.conformance.rule import Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer, Hangup, Nonsense, Silence

LENGTHS: Final = ("abc", "-1", "+5", "0x5", "5 5", "1_0", "5;5", "\u00b2")


def _post(api: Api, fields: dict[str, str], body: bytes = b"") -> bytes:
    return api.head("POST", api.path, {"Content-Type": api.profile.content_type, **fields}, keep=True) + body


def _chunked(body: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n0\r\n\r\n" % (len(body), extension, body)


def _then_closed(api: Api, request: bytes) -> tuple[Answer, bool]:
    """Return the response to one request, and True if the connection closes after it without another response."""
    with api.server.connect() as connection:
        connection.send(request)
        try:
            answer = connection.receive()
        except Nonsense:
            raise Hangup from None
        api.remember("POST", api.path, answer)
        return answer, connection.is_closed() and not connection.unread


def _not_processed(api: Api, request: bytes) -> str:
    """Fail the rule if a request that never becomes complete is processed.

    The sources require neither a response nor a status: the server can close the connection, and a proxy can report the
    failure as its own (RFC 9112, section 8).
    """
    try:
        answer = api.exchange(request, finish=True)
    except (Hangup, Silence):
        return "closed without an answer"
    return _rejected(answer)


def _rejected(answer: Answer, *, to: str = "") -> str:
    """Fail the rule unless the response is an error of the client or of the server; return the observation."""
    return answered(answer, *range(400, 600), to=to)


@rule("F01", "A Content-Length that is not a number is 400.", source="RFC 9112 §6.3")
def invalid_length(api: Api) -> str:
    for length in LENGTHS:
        seen = answered(
            _then_closed(api, _post(api, {"Content-Length": length}, b"abcde"))[0],
            400,
            to=f"Content-Length: {length!a}",
        )
    return seen


@rule("F02", "After an invalid Content-Length the connection is closed.", source="RFC 9112 §6.3")
def closes_on_length(api: Api) -> str:
    answer, is_closed = _then_closed(api, _post(api, {"Content-Length": "+5"}, b"abcde"))
    expect(is_closed, f"{answer.line}, and the connection stays open")
    return "closed"


@rule("F03", "Two Content-Lengths that differ are 400.", source="RFC 9112 §6.3")
def two_lengths(api: Api) -> str:
    body = api.profile.body()
    answered(
        _then_closed(api, _post(api, {"Content-Length": f"{len(body)}, {len(body) + 1}"}, body))[0], 400, to="in a list"
    )
    fields = {"Content-Length": str(len(body)), "content-length": str(len(body) + 1)}
    return answered(_then_closed(api, _post(api, fields, body))[0], 400, to="in two lines")


@rule("F04", "After Content-Length with Transfer-Encoding the connection is closed.", source="RFC 9112 §6.1")
def both(api: Api) -> str:
    marker = api.head("GET", f"/{unique()}", keep=True)
    fields = {"Content-Length": "4", "Transfer-Encoding": "chunked"}
    answer, is_closed = _then_closed(api, _post(api, fields, b"0\r\n\r\n" + marker))
    expect(is_closed, f"{answer.line}, and the connection stays open or answers what follows")
    return f"{answer.line}, closed"


@rule(
    "F05",
    "Content-Length with Transfer-Encoding is rejected, or the latter decides.",
    source="RFC 9112 §6.3",
    level=Level.MEANS,
)
def coding_beats_length(api: Api) -> str:
    body = api.profile.body()
    fields = {"Content-Length": str(len(body) - 3), "Transfer-Encoding": "chunked"}
    return answered(_then_closed(api, _post(api, fields, _chunked(body)))[0], 200, 201, 202, 400)


@rule("F06", "A transfer coding whose last is not chunked is 400 (or 501, as not understood).", source="RFC 9112 §6.3")
def not_chunked(api: Api) -> str:
    for coding in ("conformance", "chunked, conformance", "xchunked"):
        request = _post(api, {"Transfer-Encoding": coding}, _chunked(b"{}"))
        seen = answered(_then_closed(api, request)[0], 400, 501, to=f"Transfer-Encoding: {coding}")
    return seen


@rule("F07", "A transfer coding that is not understood is 501.", source="RFC 9112 §6.1", level=Level.SHOULD)
def unknown_coding(api: Api) -> str:
    request = _post(api, {"Transfer-Encoding": "conformance, chunked"}, _chunked(api.profile.body()))
    return answered(_then_closed(api, request)[0], 501)


@rule("F08", "A chunked body is decoded.", source="RFC 9112 §7.1")
def chunked(api: Api) -> str:
    body = _chunked(api.profile.body())
    return answered(
        api.exchange(_post(api, {"Transfer-Encoding": "chunked", "Connection": "close"}, body)), 200, 201, 202
    )


@rule("F09", "Chunk extensions are ignored.", source="RFC 9112 §7.1.1")
def extensions(api: Api) -> str:
    body = _chunked(api.profile.body(), b';conformance="1"')
    return answered(
        api.exchange(_post(api, {"Transfer-Encoding": "chunked", "Connection": "close"}, body)), 200, 201, 202
    )


@rule("F10", "An invalid chunk is 400.", source="RFC 9112 §2.2", level=Level.SHOULD)
def bad_chunks(api: Api) -> str:
    body = api.profile.body()
    for broken in (b"zz\r\n%s\r\n0\r\n\r\n" % body, b"-1\r\n%s\r\n0\r\n\r\n" % body, b"3\r\n%s\r\n0\r\n\r\n" % body):
        answer = _then_closed(api, _post(api, {"Transfer-Encoding": "chunked"}, broken))[0]
        seen = answered(answer, 400, to=broken[:6].decode(errors="replace").split("\r")[0])
    return seen


@rule("F11", "A chunk size beyond any integer does not overflow.", source="RFC 9112 §7.1")
def huge_chunk(api: Api) -> str:
    body = b"1" + b"0" * 16 + b"2\r\n{}\r\n0\r\n\r\n"
    request = _post(api, {"Transfer-Encoding": "chunked", "Connection": "close"}, body)
    return _not_processed(api, request)


@rule("F12", "A body that ends early is not treated as complete.", source="RFC 9112 §8", level=Level.MEANS)
def cut_body(api: Api) -> str:
    body = api.profile.body()
    request = _post(api, {"Content-Length": str(len(body) + 10), "Connection": "close"}, body)
    return _not_processed(api, request)


@rule("F13", "A chunked body that ends early is not treated as complete.", source="RFC 9112 §8", level=Level.MEANS)
def cut_chunks(api: Api) -> str:
    body = api.profile.body()
    request = _post(api, {"Transfer-Encoding": "chunked", "Connection": "close"}, b"%x\r\n%s\r\n" % (len(body), body))
    return _not_processed(api, request)


@rule(
    "F14",
    "Bytes after a rejected request are never answered as a second request.",
    source="RFC 9112 §2.2",
    level=Level.SHOULD,
)
def smuggled(api: Api) -> str:
    marker = api.head("GET", f"/{unique()}", keep=True)
    for name, fields in (
        ("Transfer-Encoding: xchunked", {"Content-Length": "3", "Transfer-Encoding": "xchunked"}),
        ("Transfer-Encoding: \\vchunked", {"Content-Length": "3", "Transfer-Encoding": "\vchunked"}),
        ("two Transfer-Encodings", {"Transfer-Encoding": "chunked", "transfer-encoding": "identity"}),
    ):
        answer, is_closed = _then_closed(api, _post(api, fields, b"0\r\n\r\n" + marker))
        only_if(answer.status >= 400, f"{name} is let pass: {answer.line}")
        expect(is_closed, f"{name}: {answer.line}, and what follows is answered or waited for")
    return "closed"


@rule("F15", "A transfer coding that is not decoded is not ignored.", source="RFC 9112 §6.1", level=Level.MEANS)
def undecoded(api: Api) -> str:
    for coding in ("gzip, chunked", "deflate, chunked"):
        request = _post(api, {"Transfer-Encoding": coding}, _chunked(api.profile.body()))
        seen = _rejected(_then_closed(api, request)[0], to=coding)
    return seen
