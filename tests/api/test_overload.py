"""Responses to requests that would wait too long for a thread, as they are written to the socket."""

import json
import logging

import pytest

from app.rest.overload import Overload
from tests import response_checks

GET = b"GET /v1/tasks/%C3%A9?fields=name HTTP/1.1\r\nHost: x\r\nX-Request-Id: 12345678\r\n\r\n"
POST = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def overload(make_application: object) -> Overload:
    """Return the load shedder of an application with one allowed origin."""
    return Overload(make_application(cors_origins=("https://pages.example",)).config)  # type: ignore[operator]


def parsed(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Return the status line, the header fields and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    return line, dict(field.split(": ", 1) for field in fields), body


class TestRejection:
    def test_ok(self, overload: Overload) -> None:
        """C1, C4, C16, C23a: the same document as from other parts of the service."""
        answer, length = overload.reject(GET, may_follow=True)
        line, fields, body = parsed(answer)
        document = response_checks.strict(body)
        assert (line, length) == ("HTTP/1.1 503 Service Unavailable", len(GET))
        assert (document["code"], document["instance"]) == ("SERVICE_UNAVAILABLE", "/v1/tasks/%C3%A9")
        assert (document["request_id"], document["retry_after"]) == ("12345678", 1)
        assert {fields["X-Request-Id"], fields["Request-Id"]} == {"12345678"}
        assert (fields["Retry-After"], fields["Connection"], fields["Vary"]) == ("1", "keep-alive", "Origin")
        assert (fields["Cache-Control"], fields["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert int(fields["Content-Length"]) == len(body)

    def test_a_request_without_an_id_gets_one(self, overload: Overload) -> None:
        """C16."""
        _, fields, body = parsed(overload.reject(GET.replace(b"12345678", b"bad"), may_follow=True)[0])
        assert len(fields["X-Request-Id"]) == 32
        assert json.loads(body)["request_id"] == fields["X-Request-Id"]

    def test_head_has_no_body(self, overload: Overload) -> None:
        _, fields, body = parsed(overload.reject(GET.replace(b"GET", b"HEAD"), may_follow=True)[0])
        assert body == b""
        assert int(fields["Content-Length"]) > 0

    def test_a_page_of_an_allowed_origin_may_read_it(self, overload: Overload) -> None:
        """C24."""
        for origin, allowed in ((b"https://pages.example", "https://pages.example"), (b"https://evil.example", None)):
            request = GET.replace(b"\r\n\r\n", b"\r\nOrigin: " + origin + b"\r\n\r\n")
            _, fields, _ = parsed(overload.reject(request, may_follow=True)[0])
            assert fields.get("Access-Control-Allow-Origin") == allowed

    @pytest.mark.parametrize(
        ("received", "length"),
        [
            (POST, len(POST)),
            (POST + GET, len(POST)),
            (POST[:-1], 0),
            (POST.replace(b"Content-Length: 2", b"Content-Length: two"), 0),
            (POST.replace(b"Content-Length: 2", b"Content-Length: 99999999"), 0),
            (POST.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"), 0),
            (POST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"), 0),
            (GET.replace(b"Host: x", b"Host: x\r\nConnection: Close"), 0),
        ],
    )
    def test_the_next_request_begins_where_this_one_provably_ends(
        self, overload: Overload, received: bytes, length: int
    ) -> None:
        """Otherwise the connection is closed, and the response announces it."""
        answer, found = overload.reject(received, may_follow=True)
        assert found == length
        assert parsed(answer)[1]["Connection"] == ("keep-alive" if length else "close")

    def test_without_keep_alive_the_connection_is_closed(self, overload: Overload) -> None:
        answer, length = overload.reject(GET, may_follow=False)
        assert (parsed(answer)[1]["Connection"], length) == ("close", 0)

    @pytest.mark.parametrize(
        "received",
        [
            b"",
            GET[:-1],
            GET.replace(b"GET", b"get"),
            GET.replace(b"1.1", b"1.0"),
            GET.replace(b"1.1", b"2.0"),
            GET.replace(b"Host: x", b"Host : x"),
            GET.replace(b"Host: x", b"Host: x\r\nHost: y"),
            GET.replace(b"Host", b"Hose"),
            POST.replace(b"Host: x", b"Host: x\r\nContent-Length: 2"),
            GET.replace(b"Host: x", b"Host: x\r\n folded"),
            GET.replace(b"Host: x", b"Host: \x00"),
            GET.replace(b"\r\n", b"\n"),
            GET.replace(b"/v1", b"http://x/v1"),
            GET.replace(b"/v1", b"/v1#"),
        ],
    )
    def test_a_request_with_an_ambiguous_end_gets_no_response(self, overload: Overload, received: bytes) -> None:
        assert overload.reject(received, may_follow=True) == (b"", 0)

    def test_each_has_its_access_entry_and_all_within_a_second_share_one_error_entry(
        self, overload: Overload, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A flood of requests does not flood the log with errors."""
        caplog.set_level(logging.INFO)
        for _ in range(5):
            overload.reject(GET, may_follow=True)
        lines = [record.__dict__["fields"] for record in caplog.records if record.name == "candor.access"]
        assert [(each["status"], each["path"], each["code"]) for each in lines] == [
            (503, "/v1/tasks/é", "SERVICE_UNAVAILABLE")
        ] * 5
        assert sum(record.name == "candor.errors" for record in caplog.records) == 1
