"""The drill's verdicts on responses, and its HTTP client on responses in pieces."""

import asyncio
import json
from typing import Any

import pytest

from tests.drill.http_client import Answer, Caller, request
from tests.drill.load import version_of
from tests.drill.verdicts import Outcome, Verdict, judge, outcome

PROBLEM = {
    "type": "http://x/errors/service-unavailable", "title": "t", "status": 503, "kind": "service_unavailable",
    "code": "SERVICE_UNAVAILABLE", "request_id": "12345678", "timestamp": "2026-11-21T00:00:00Z", "retryable": True,
}  # fmt: skip
HEAD = {
    "Content-Type": "application/problem+json", "X-Request-Id": "12345678", "Cache-Control": "no-store",
    "Retry-After": "1",
}  # fmt: skip


def problem(
    *, status: int = 503, seconds: float = 0.1, head: dict[str, str] | None = None, **changes: object
) -> Answer:
    document = {**PROBLEM, "status": status, **changes}
    lines = "".join(f"\r\n{name}: {value}" for name, value in {**HEAD, **(head or {})}.items() if value)
    return Answer(int((head or {}).get("Status", status)), lines.encode(), json.dumps(document).encode(), 0, seconds)


class TestVerdicts:
    def test_an_expected_status_is_answered(self) -> None:
        assert judge("get", Answer(200, b"", b"{}", 0, 0.1)) == (Verdict.ANSWERED, "")
        assert judge("patch", problem(status=412, code="PRECONDITION_FAILED"))[0] is Verdict.ANSWERED

    @pytest.mark.parametrize("status", [503, 504, 507])
    def test_a_proper_rejection_is_rejected(self, status: int) -> None:
        assert judge("get", problem(status=status, instance="/v1/tasks")) == (
            Verdict.REJECTED,
            f"{status} SERVICE_UNAVAILABLE",
        )
        assert judge("get", problem(status=status)) == (Verdict.REJECTED, f"{status} SERVICE_UNAVAILABLE of nginx")

    @pytest.mark.parametrize(
        ("kind", "answer", "why"),
        [
            ("get", Answer(0, b"", b"reset", 0, 0.1), "no answer: reset"),
            ("get", Answer(200, b"", b"{}", 0, 10.6), "200 after 10.6 s"),
            ("get", problem(seconds=11), "503 after 11.0 s"),
            ("get", problem(status=500, code="INTERNAL_ERROR"), "get: 500 INTERNAL_ERROR"),
            ("get", problem(status=502), "get: 502 SERVICE_UNAVAILABLE"),
            ("get", problem(status=404, code="TASK_NOT_FOUND"), "get: 404 TASK_NOT_FOUND"),
            ("unkeyed", problem(status=409, code="TASK_TITLE_TAKEN"), "unkeyed: 409 TASK_TITLE_TAKEN"),
            ("get", problem(head={"Retry-After": ""}), "503: a problem document Retry-After: ''"),
            ("get", problem(head={"Retry-After": "61"}), "503: a problem document Retry-After: '61'"),
            ("get", problem(head={"Content-Type": "text/html"}), "503: a problem document of another type"),
            ("get", problem(head={"Status": "504"}), "504: a problem document of another status"),
            ("get", problem(request_id="other"), "503: a problem document without the request id"),
            ("get", problem(head={"Cache-Control": ""}), "503: a problem document that may be stored"),
            ("get", problem(detail="psycopg.errors"), "503: a problem document that leaks"),
            ("get", Answer(503, b"", b"<html>", 0, 0.1), "503: no problem document: b'<html>'"),
        ],
    )
    def test_everything_else_has_failed(self, kind: str, answer: Answer, why: str) -> None:
        assert judge(kind, answer) == (Verdict.FAILED, why)


class TestOutcomes:
    def test_the_conclusions_of_clients(self) -> None:
        assert outcome(Answer(201, b"", b"{}", 0, 0)) is Outcome.ACKNOWLEDGED
        assert outcome(problem(status=409)) is Outcome.REJECTED
        ours: dict[str, Any] = {"instance": "/v1/tasks"}
        assert outcome(problem(status=507, detail="The disk is full. Nothing was changed.", **ours)) is Outcome.REJECTED
        doubtful = "Busy. A change may or may not have been made. Read the task."
        for status in (503, 504):
            assert outcome(problem(status=status, detail=doubtful, **ours)) is Outcome.UNKNOWN
            assert outcome(problem(status=status, detail="Busy.", **ours)) is Outcome.REJECTED
            assert outcome(problem(status=status, detail="Busy.")) is Outcome.UNKNOWN, (
                "nginx is silent about keyed ones"
            )
        assert outcome(Answer(0, b"", b"reset", 0, 0)) is Outcome.UNKNOWN


class CannedServer(asyncio.Protocol):
    """A server that sends this response to each request, in two pieces, or closes when it is empty."""

    def __init__(self, answer: bytes, ended: "asyncio.Future[None]") -> None:
        self._answer, self._ended = answer, ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer[:20])
        asyncio.get_running_loop().call_soon(self._transport.write, self._answer[20:])
        if not self._answer:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set_result(None)


class TestWire:
    def responses_of(self, answer: bytes, *, times: int = 1) -> list[Answer]:
        async def all_of() -> list[Answer]:
            loop = asyncio.get_running_loop()
            ended = loop.create_future()
            async with await loop.create_server(lambda: CannedServer(answer, ended), "127.0.0.1", 0) as server:
                caller = Caller(server.sockets[0].getsockname()[1])
                responses = [await caller.send(request("GET", "/")) for _ in range(times)]
                caller.close()
                await ended
            return responses

        return asyncio.run(all_of())

    def test_answers_arrive_whole_on_one_connection(self) -> None:
        answers = self.responses_of(b'HTTP/1.1 200 OK\r\nETag: "1f-x"\r\ncontent-length: 2\r\n\r\n{}', times=3)
        assert [(each.status, each.body, each.header("etag")) for each in answers] == [(200, b"{}", '"1f-x"')] * 3
        assert version_of(answers[0]) == 0x1F

    def test_a_closed_connection_is_not_an_answer(self) -> None:
        [answer] = self.responses_of(b"")
        assert answer.status == 0
        assert b"closed before the answer" in answer.body
