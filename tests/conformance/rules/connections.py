"""Connections (RFC 9112, section 9): requests and responses stay in step after every response, errors included."""

from typing import Final

from tests.conformance import wire
from tests.conformance.api import Api
from tests.conformance.profile import unique
from tests.conformance.rule import Failed, Level, answered, expect, only_if, rule
from tests.conformance.wire import LINGER, Silence

BAIT: Final = b"GET /conformance-bait HTTP/1.1\r\nHost: bait.example\r\n\r\n"
"""A body that looks like a request to a server that has lost its place."""


def _in_step(api: Api, first: bytes, what: str) -> str:
    """Send a request with BAIT as its body, then a valid one: its 200 must arrive, or the connection closes."""
    answers = api.in_turn(first, api.head("GET", api.path), at_once=True, within=wire.CLOSES_WITHIN)
    expect(answers, f"{what}: no answer")
    if len(answers) == 1:
        return f"{answers[0].line}, closed"
    expect(
        answers[1].status == 200, f"{what}: {answers[0].line}, then the body is read as a request: {answers[1].line}"
    )
    return f"{answers[0].line}, in step"


@rule("P01", "A connection without an announced close accepts another request.", source="RFC 9112 §9.3")
def persistent(api: Api) -> str:
    request = api.head("GET", api.path, keep=True)
    answers = api.in_turn(request, request)
    only_if(
        (answers[0].get("Connection") or "").lower() != "close", "the server announces a close after every response"
    )
    expect(len(answers) == 2, "closed without Connection: close")
    return "two answers"


@rule("P02", "Pipelined requests are answered in order.", source="RFC 9112 §9.3.2")
def pipelined(api: Api) -> str:
    first, second = api.head("GET", api.path, keep=True), api.head("GET", api.unknown)
    answers = api.in_turn(first, second, at_once=True)
    only_if(len(answers) == 2, "the server closes after every answer")
    expect([answer.status for answer in answers] == [200, 404], " then ".join(answer.line for answer in answers))
    return "200, then 404"


@rule("P03", "Connection: close is obeyed.", source="RFC 9112 §9.6")
def close(api: Api) -> str:
    for path in (api.path, api.unknown):
        with api.server.connect() as connection:
            connection.send(api.head("GET", path))
            answer = connection.receive()
            expect(connection.is_closed(), f"{answer.line}, and the connection stays open")
    return "closed"


@rule("P04", "The last response before the close has Connection: close.", source="RFC 9112 §9.6", level=Level.SHOULD)
def close_is_announced(api: Api) -> str:
    answer = api.get(api.path)
    expect("close" in {each.lower() for each in answer.listed("Connection")}, f"Connection: {answer.get('Connection')}")
    return "Connection: close"


@rule("P05", "The body of a request for an unknown path is read, or the connection closed.", source="RFC 9112 §9.3")
def after_404(api: Api) -> str:
    return _in_step(api, api.head("POST", f"/{unique()}", length=len(BAIT), keep=True) + BAIT, "404")


@rule("P06", "The body of a request with a wrong method is read, or the connection closed.", source="RFC 9112 §9.3")
def after_405(api: Api) -> str:
    return _in_step(api, api.head("PUT", api.path, length=len(BAIT), keep=True) + BAIT, "405")


@rule("P07", "The body of a request without a token is read, or the connection closed.", source="RFC 9112 §9.3")
def after_401(api: Api) -> str:
    only_if(api.profile.token, "no token")
    return _in_step(api, api.head("POST", api.path, length=len(BAIT), token="", keep=True) + BAIT, "401")


@rule("P08", "A body of a wrong type is read, or the connection closed.", source="RFC 9112 §9.3")
def after_415(api: Api) -> str:
    fields = {"Content-Type": "application/x-conformance"}
    return _in_step(api, api.head("POST", api.path, fields, length=len(BAIT), keep=True) + BAIT, "415")


@rule("P09", "A body that is not JSON is read, or the connection closed.", source="RFC 9112 §9.3")
def after_400(api: Api) -> str:
    fields = {"Content-Type": api.profile.content_type}
    return _in_step(api, api.head("POST", api.path, fields, length=len(BAIT), keep=True) + BAIT, "400")


@rule("P10", "The body of a GET is read, or the connection closed.", source="RFC 9112 §9.3")
def after_get(api: Api) -> str:
    return _in_step(api, api.head("GET", api.path, length=len(BAIT), keep=True) + BAIT, "GET with content")


@rule("P11", "An unused chunked body is read, or the connection closed.", source="RFC 9112 §9.3")
def after_chunks(api: Api) -> str:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BAIT), BAIT)
    return _in_step(api, api.head("POST", f"/{unique()}", {"Transfer-Encoding": "chunked"}, keep=True) + body, "404")


@rule("P12", "A body over the limit is read, or the connection closed.", source="RFC 9112 §9.3")
def after_413(api: Api) -> str:
    only_if(api.profile.body_limit, "no limit")
    body = BAIT * (api.profile.body_limit // len(BAIT) + 1)
    return _in_step(
        api,
        api.head("POST", api.path, {"Content-Type": api.profile.content_type}, length=len(body), keep=True) + body,
        "413",
    )


@rule(
    "P13",
    "Expect: 100-continue is answered before the body: by 100, or by the final response.",
    source="RFC 9110 §10.1.1",
)
def expectation(api: Api) -> str:
    body = api.profile.body()
    fields = {"Content-Type": api.profile.content_type, "Expect": "100-continue"}
    with api.server.connect() as connection:
        connection.send(api.head("POST", api.path, fields, length=len(body)))
        try:
            first = connection.receive(interim=True, within=wire.CLOSES_WITHIN)
        except Silence:
            raise Failed("nothing in time") from None
        if first.status != 100:
            return first.line
        connection.send(body)
        return f"100, then {answered(connection.receive(), 200, 201, 202, to='the answer')}"


@rule("P14", "No more than one answer comes for one request.", source="RFC 9112 §9.2", level=Level.MEANS)
def one_answer(api: Api) -> str:
    with api.server.connect() as connection:
        connection.send(api.head("GET", api.unknown, keep=True))
        answer = connection.receive()
        connection.is_closed(LINGER)
        expect(not connection.unread, f"{answer.line}, and {len(connection.unread)} bytes more")
    return answer.line
