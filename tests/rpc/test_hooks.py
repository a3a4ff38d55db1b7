"""Request hooks over gRPC, as over HTTP: IDs, log entries, metrics, limits, overload, deadlines and cancellation."""

import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import grpc
import pytest
from flask import Flask
from grpc import StatusCode
from sqlalchemy import Connection

from app.config import Settings
from app.observability import metrics
from app.observability.failure_recorder import FailureEntry, FailureRecorder
from app.resilience import deadline
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.conftest import TokenMaker
from tests.rpc.client import Client, Failure, health
from tests.rpc.conftest import Log, served
from tests.rpc.other_sessions import connected, locked, waiting
from tests.rpc.samples import NAME, REQUESTS, TASKS

pytestmark = pytest.mark.slow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROUTE = "/todo.v1.TodoService/GetTask"
WITHIN = 10.0


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def other_session(settings: Settings) -> Iterator[Connection]:
    """Return the connection of another session."""
    with connected(settings) as connection:
        yield connection


class TestRequestIds:
    """C16, over metadata."""

    @pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-trace-id"])
    def test_a_valid_id_is_kept_and_returned(self, alice: Client, log: Log, name: str) -> None:
        failure = alice.failure("GetTask", REQUESTS["GetTask"], metadata={name: "request-12345678"})
        assert failure.trailing["x-request-id"] == "request-12345678"
        until(lambda: log.access)
        assert {line["request_id"] for line in log.access + log.errors} == {"request-12345678"}

    @pytest.mark.parametrize("sent", ["short", "x" * 129, "no spaces please", ""])
    def test_an_invalid_id_is_replaced(self, alice: Client, sent: str) -> None:
        beside = alice.call("ListTasks", pb.ListTasksRequest(), metadata={"x-request-id": sent})[1]
        assert beside["x-request-id"] == beside["request-id"] != sent

    def test_a_trace_is_continued(self, alice: Client, log: Log) -> None:
        failure = alice.failure("GetTask", REQUESTS["GetTask"], metadata={"traceparent": TRACEPARENT})
        assert failure.trailing["traceparent"] == TRACEPARENT
        assert failure.details["ErrorDetail"].trace_id == TRACE
        until(lambda: log.access)
        assert log.access[0]["trace_id"] == TRACE

    def test_an_invalid_trace_is_ignored(self, alice: Client) -> None:
        beside = alice.call("ListTasks", pb.ListTasksRequest(), metadata={"traceparent": "00-0-0-00"})[1]
        assert "traceparent" not in beside


class TestLog:
    """C5: one entry for each call, and one for its error."""

    def test_a_call(self, alice: Client, log: Log) -> None:
        alice.call("ListTasks", pb.ListTasksRequest())
        until(lambda: log.access)
        (line,) = log.access
        assert (line["method"], line["route"], line["path"]) == ("POST", *["/todo.v1.TodoService/ListTasks"] * 2)
        assert (line["status"], line["grpc_status"], line["user"]) == (200, "OK", "alice")
        assert line["spent_ms"]["database"] > 0
        assert line["client"] == "127.0.0.1"
        assert log.errors == []

    def test_an_error(self, alice: Client, log: Log) -> None:
        alice.failure("GetTask", REQUESTS["GetTask"])
        until(lambda: log.access)
        (line,) = log.errors
        assert (line["level"], line["code"], line["grpc_status"]) == ("WARNING", "TASK_NOT_FOUND", "NOT_FOUND")
        assert (line["status"], log.access[0]["status"]) == (404, 404)
        assert line["client"] == "127.0.0.1"
        assert "stack" not in line

    def test_a_rejected_call_without_a_user(self, unauthenticated: Client, log: Log) -> None:
        unauthenticated.failure("GetTask", REQUESTS["GetTask"])
        until(lambda: log.access)
        assert (log.errors[0]["code"], log.access[0]["status"]) == ("MISSING_CREDENTIALS", 401)

    def test_a_failed_call_is_stored_for_explanation(self, alice: Client) -> None:
        written: list[FailureEntry] = []
        recorder = FailureRecorder(written.extend, sample=1.0)
        recorder.start()
        failure = alice.failure("GetTask", REQUESTS["GetTask"])
        until(lambda: written)
        recorder.stop(1.0)
        assert written[0].request_id == failure.trailing["x-request-id"]
        assert (written[0].fields["route"], written[0].fields["code"]) == (ROUTE, "TASK_NOT_FOUND")


class TestMetrics:
    def counted(self, route: str, status: str) -> float:
        """Return the number of measured calls."""
        labels = {"method": "POST", "route": route, "status": status}
        return metrics.REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0.0

    def test_the_method_is_the_route(self, alice: Client) -> None:
        before = self.counted(ROUTE, "404")
        alice.failure("GetTask", REQUESTS["GetTask"])
        until(lambda: self.counted(ROUTE, "404") == before + 1)

    def test_an_unknown_method_has_no_route(self, alice: Client) -> None:
        before = self.counted("unmatched", "405")
        with pytest.raises(grpc.RpcError):
            alice.raw("/made.up/Method", b"")
        until(lambda: self.counted("unmatched", "405") == before + 1)


class TestLimits:
    """C22."""

    def test_a_trusted_proxy_determines_the_client_address(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        limited = make_application(rate_limit="1 per hour", trusted_proxies=(ip_network("127.0.0.1"),))
        with served(limited, settings) as port, Client.of(port, token("alice")) as client:
            for address in ("10.0.0.1:5", "10.0.0.2", "[2001:db8::1]:5"):
                client.call("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": address})
            failure = client.failure("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": "10.0.0.1"})
            assert failure.reason == "RATE_LIMIT_EXCEEDED"
            failure = client.failure("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": "2001:db8::2"})
            assert failure.reason == "RATE_LIMIT_EXCEEDED"

    def test_two_tokens_are_rejected(self, alice: Client) -> None:
        """C7."""
        failure = alice.failure("GetTask", REQUESTS["GetTask"], metadata={"authorization": f"Bearer {alice.token}"})
        assert (failure.reason, failure.facts["description"]) == (
            "INVALID_TOKEN",
            "Send exactly one Authorization header",
        )


class TestOverload:
    """C23a."""

    def test_shedding_rejects_calls_but_not_health_checks(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker, other_session: Connection
    ) -> None:
        small = make_application(web_threads=1, database_pool_size=2)
        with served(small, settings, web_threads=1) as port, Client.of(port, token("alice")) as client:

            def call_with() -> Any:
                return client.stub.GetTask.future(REQUESTS["GetTask"], timeout=WITHIN, metadata=client.metadata())

            with locked(settings):
                calls = [call_with()]
                until(lambda: waiting(other_session))
                calls += [call_with(), call_with()]
                until(lambda: any(call.done() for call in calls))
                assert health(client.channel) in {0, 1, 2}
            (refused,) = [call for call in calls if call.exception(timeout=WITHIN).code() is StatusCode.UNAVAILABLE]
            failure = Failure.of(refused.exception())
            assert failure.reason == "SERVICE_UNAVAILABLE"
            assert failure.details["RetryInfo"].retry_delay.seconds == 1
            assert [call.code() for call in calls if call is not refused] == [StatusCode.NOT_FOUND] * 2


def never() -> Iterator[bytes]:
    """Yield no message until the call ends."""
    threading.Event().wait(WITHIN / 5)
    yield from ()


def sent(client: Client, messages: Iterator[bytes]) -> Failure:
    """Return the failure of a call with these messages."""
    call_with: grpc.StreamUnaryMultiCallable[bytes, bytes] = client.channel.stream_unary(ROUTE)
    with pytest.raises(grpc.RpcError) as raised:
        call_with(messages, metadata=client.metadata())
    return Failure.of(raised.value)


class TestDeadlines:
    """C23."""

    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> list[deadline.Deadline]:
        """Return each deadline that is set for a call."""
        seen: list[deadline.Deadline] = []
        after = deadline.Deadline.after

        def note(budget: object, **said: bool) -> deadline.Deadline:
            made = after(budget, **said)  # type: ignore[arg-type]  # arguments are passed on
            if said:  # only calls pass arguments; background work has a deadline too
                seen.append(made)
            return made

        monkeypatch.setattr(deadline.Deadline, "after", note)
        return seen

    @pytest.mark.parametrize(("within", "budget"), [(3.0, 3.0), (10.0, 10.0), (3600.0, 10.0), (None, 10.0)])
    def test_the_shorter_deadline_of_client_and_service_applies(
        self, alice: Client, limits: list[deadline.Deadline], within: float | None, budget: float
    ) -> None:
        alice.call("ListTasks", pb.ListTasksRequest(), within=within)
        assert budget - 0.5 < limits[0].budget.total_seconds() < budget + 0.1
        assert limits[0].is_shortened or budget == 10.0

    def test_the_deadline_of_the_service_returns_a_status_with_the_stage(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker, log: Log
    ) -> None:
        hurried = make_application(request_timeout=0.5)
        with served(hurried, settings) as port, Client.of(port, token("alice")) as client, locked(settings):
            failure = client.failure("GetTask", REQUESTS["GetTask"])
        assert (failure.code, failure.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        assert failure.extensions == {"budget_ms": 500, "spent_in": "database"}
        (line,) = log.errors
        assert (line["level"], "fault" in line, bool(line["stack"])) == ("ERROR", False, True)

    def test_the_statement_of_an_expired_call_is_cancelled(
        self, alice: Client, settings: Settings, other_session: Connection, log: Log
    ) -> None:
        """The server cancels it, although the client stays connected."""
        with locked(settings):
            with pytest.raises(grpc.RpcError) as raised:
                alice.call("GetTask", REQUESTS["GetTask"], within=0.5)
            assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
            until(lambda: not waiting(other_session))
            until(lambda: log.access)
        (line,) = log.errors
        assert (line["code"], line["grpc_status"], line["facts"]["spent_in"]) == (
            "DEADLINE_EXCEEDED",
            "DEADLINE_EXCEEDED",
            "database",
        )
        assert line["causes"][-1]["sqlstate"] == "57014"
        assert (line["level"], line["fault"], "stack" in line) == ("WARNING", "client", False)

    @pytest.mark.parametrize("name", TASKS)
    def test_the_statement_of_a_cancelled_call_is_cancelled(
        self, alice: Client, settings: Settings, other_session: Connection, log: Log, name: str
    ) -> None:
        with locked(settings):
            call = getattr(alice.stub, name).future(REQUESTS[name], metadata=alice.metadata())
            until(lambda: waiting(other_session))
            call.cancel()
            until(lambda: not waiting(other_session))
            until(lambda: log.access)
        (line,) = log.access
        assert (line["grpc_status"], line["status"]) == ("CANCELLED", 499)
        assert log.errors == []

    def test_a_message_that_never_arrives(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        """A client that sends only the header of a call cannot keep it open for ever."""
        hurried = make_application(request_timeout=0.2)
        with served(hurried, settings) as port, Client.of(port, token("alice")) as client:
            failure = sent(client, never())
        assert (failure.code, failure.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        assert failure.facts["spent_in"] == "request"

    def test_a_call_without_a_message(self, alice: Client) -> None:
        failure = sent(alice, iter(()))
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")

    def test_a_client_that_cancels_before_its_message_arrives(self, alice: Client, log: Log) -> None:
        call_with: grpc.StreamUnaryMultiCallable[bytes, bytes] = alice.channel.stream_unary(ROUTE)
        call = call_with.future(never(), metadata=alice.metadata())
        health(alice.channel)
        call.cancel()
        until(lambda: log.access)
        assert (log.access[0]["grpc_status"], log.errors) == ("CANCELLED", [])

    def test_an_expired_deadline(self, alice: Client, log: Log) -> None:
        """No work starts. The test sends several calls, because the client may give up before it sends one."""
        for _ in range(10):
            with pytest.raises(grpc.RpcError) as raised:
                alice.call("GetTask", pb.GetTaskRequest(name=NAME), within=0)
            assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
        health(alice.channel)
        assert {(line["code"], line["facts"]["spent_in"]) for line in log.errors} == {("DEADLINE_EXCEEDED", "request")}
        assert {(line["level"], line["fault"], "stack" in line) for line in log.errors} == {
            ("WARNING", "client", False)
        }
