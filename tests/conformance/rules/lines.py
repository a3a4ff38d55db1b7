"""Lines and fields (RFC 9112, sections 2, 3 and 5) that a server must not accept."""

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, rule, unless_broken


def _raw(api: Api, *lines: bytes, end: bytes = b"\r\n") -> bytes:
    """Return a GET of the collection with these lines after Host."""
    start = [f"GET {api.server.prefix}{api.path} HTTP/1.1".encode(), f"Host: {api.server.authority}".encode()]
    token = f"Authorization: Bearer {api.profile.token}".encode()
    return end.join([*start, *lines, token, b"Connection: close", b"", b""])


@rule("L01", "An invalid request line is 400, or redirected.", source="RFC 9112 §3", level=Level.SHOULD)
def request_line(api: Api) -> str:
    host = f"\r\nHost: {api.server.authority}\r\n\r\n".encode()
    for line in (b"GARBAGE", b"GET / HTTP/x.y", b"GET / HTPP/1.1", b"G(T / HTTP/1.1", b"GET nowhere HTTP/1.1"):
        seen = answered(api.exchange(line + host), 400, 301, 501, 505, to=line.decode())
    return seen


@rule("L02", "An empty line before the request line is ignored.", source="RFC 9112 §2.2", level=Level.SHOULD)
def empty_line(api: Api) -> str:
    return answered(api.exchange(b"\r\n" + _raw(api)), api.get(api.path).status)


@rule("L03", "A space between a field's name and its colon is 400.", source="RFC 9112 §5.1")
def space_before_colon(api: Api) -> str:
    return answered(api.exchange(_raw(api, b"X-Conformance : 1")), 400)


@rule("L04", "A folded field is 400, or unfolded.", source="RFC 9112 §5.2")
def folded(api: Api) -> str:
    return answered(api.exchange(_raw(api, b"X-Conformance: a", b" b")), 400, api.get(api.path).status)


@rule("L05", "White space before the first field is rejected, or the line is skipped.", source="RFC 9112 §2.2")
def leading_space(api: Api) -> str:
    plain = api.get(api.path).status
    request = _raw(api).replace(b"\r\nHost", b"\r\n X-Conformance: 1\r\nHost", 1)
    return answered(api.exchange(request), 400, plain)


@rule("L06", "A NUL in a field value is rejected, or replaced.", source="RFC 9110 §5.5")
def nul(api: Api) -> str:
    answer = api.exchange(_raw(api, b"X-Request-Id: conformance\0conformance"))
    expect(b"\0" not in answer.head + answer.body, "the NUL is sent back")
    return answered(answer, 400, api.get(api.path).status)


@rule("L07", "A bare CR is invalid, or replaced.", source="RFC 9112 §2.2")
def bare_cr(api: Api) -> str:
    answer = api.exchange(_raw(api, b"X-Request-Id: conformance\rX-Split: conformance"))
    expect(b"\r" not in answer.head.replace(b"\r\n", b""), "the CR is sent back")
    return answered(answer, 400, api.get(api.path).status)


@rule("L08", "An invalid field name is 400.", source="RFC 9112 §2.2", level=Level.SHOULD)
def field_name(api: Api) -> str:
    for line in (b"X(Y): 1", b"no colon at all", b": nameless", b"X\x7fY: 1"):
        seen = answered(api.exchange(_raw(api, line)), 400, to=line.decode())
    return seen


@rule("L09", "Bare LF line ends are taken as line ends, or are 400.", source="RFC 9112 §2.2", level=Level.SHOULD)
def bare_lf(api: Api) -> str:
    return answered(api.exchange(_raw(api, end=b"\n")), 400, api.get(api.path).status)


@rule("L10", "A field larger than the server's limit is a client error.", source="RFC 9110 §5.4")
def long_field(api: Api) -> str:
    return answered(api.exchange(_raw(api, b"X-Conformance: " + b"a" * 200_000)), *range(200, 500))


@rule("L11", "More fields than the server's limit are a client error.", source="RFC 9110 §5.4")
def many_fields(api: Api) -> str:
    fields = (b"X-Conformance-%d: a" % number for number in range(5000))
    return answered(api.exchange(_raw(api, *fields)), *range(200, 500))


@rule("L12", "Bytes beyond ASCII in a field value cause no server error.", source="RFC 9110 §5.5", level=Level.MEANS)
def obs_text(api: Api) -> str:
    names = (
        b"X-Request-Id",
        b"User-Agent",
        b"Accept",
        b"Accept-Language",
        b"If-None-Match",
        b"Idempotency-Key",
        b"Origin",
    )
    for name in names:
        seen = unless_broken(api.exchange(_raw(api, name + b": caf\xe9 \xff\xfe")), to=name.decode())
    return seen
