"""Unreadable bodies: the client's error, never the server's."""

from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, only_if, rejected, rule, unless_broken
from tests.conformance.wire import Answer

BROKEN: Final = (b'{"a": }', b"{", b'"', b"nonsense", b"<a/>")
"""Bodies that even a lenient parser rejects (RFC 8259, section 9, allows extensions)."""


@rule("B01", "A body that is not JSON is a client error.", source="RFC 9110 §15.5.1", level=Level.MEANS)
def malformed(api: Api) -> str:
    for body in BROKEN:
        seen = rejected(api.post(body), to=ascii(body))
    return seen


@rule(
    "B02",
    "A body that is not JSON is not 422, which means correct syntax.",
    source="RFC 9110 §15.5.21",
    level=Level.MEANS,
)
def not_422(api: Api) -> str:
    for body in BROKEN:
        answer = api.post(body)
        expect(answer.status != 422, f"{body!a}: {answer.line}")
        seen = rejected(answer, to=ascii(body))
    return seen


@rule("B03", "An empty body is a client error.", source="RFC 9110 §15.5.1", level=Level.MEANS)
def empty(api: Api) -> str:
    rejected(api.post(b""), to="nothing")
    rejected(api.send("POST", api.path, {"Content-Type": api.profile.content_type}), to="no length either")
    return rejected(api.post(b" \r\n "), to="blanks")


@rule("B04", "JSON of another type than an object is a client error.", source="RFC 9110 §15.5", level=Level.MEANS)
def other_type(api: Api) -> str:
    for body in (b"null", b"[]", b'"x"', b"1", b"true", b"[[]]", b"{}"):
        seen = rejected(api.post(body), to=body.decode())
    return seen


@rule("B05", "Bytes outside UTF-8 cause no server error.", source="RFC 8259 §8.1, RFC 9110 §15.6", level=Level.MEANS)
def not_utf8(api: Api) -> str:
    for octets in (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"):
        body = api.profile.body(text='"conformance %"').replace(b"%", octets)
        seen = unless_broken(api.post(body), to=octets.hex(" "))
    return seen


@rule("B06", "A body over the limit is 413.", source="RFC 9110 §15.5.14", level=Level.MEANS)
def too_large(api: Api) -> str:
    only_if(api.profile.body_limit, "no limit")
    body = api.profile.body() + b" " * api.profile.body_limit
    return answered(api.post(body), 413)


@rule(
    "B07",
    "A chunked body over the limit is 413, never truncated and treated as complete.",
    source="RFC 9110 §15.5.14, RFC 9112 §8",
    level=Level.MEANS,
)
def too_many_chunks(api: Api) -> str:
    only_if(api.profile.body_limit, "no limit")
    blanks = b" " * api.profile.body_limit
    only_if(_chunked(api, blanks + api.profile.body()).status >= 400, "chunked bodies have no limit")
    return answered(_chunked(api, api.profile.body() + blanks), 413)


def _chunked(api: Api, body: bytes) -> Answer:
    fields = {"Content-Type": api.profile.content_type, "Transfer-Encoding": "chunked"}
    return api.exchange(api.head("POST", api.path, fields) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
