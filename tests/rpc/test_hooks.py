"""Issue 8: the same hooks, in the same order: ids, lines, metrics, limits, overload, deadlines, and who goes away."""

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
from tests.rpc.samples import NAME, REQUESTS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROUTE = "/todo.v1.TodoService/GetTask"
WITHIN = 10.0


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def other_session(settings: Settings) -> Iterator[Connection]:
    """Return a connection of somebody else's."""
    with connected(settings) as connection:
        yield connection


class TestRequestIds:
    """C16, over metadata."""

    @pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-trace-id"])
    def test_a_valid_id_is_kept_and_sent_back(self, alice: Client, log: Log, name: str) -> None:
        failure = alice.refused("GetTask", REQUESTS["GetTask"], metadata={name: "request-12345678"})
        assert failure.trailing["x-request-id"] == "request-12345678"
        until(lambda: log.access)
        assert {line["request_id"] for line in log.access + log.errors} == {"request-12345678"}

    @pytest.mark.parametrize("sent", ["short", "x" * 129, "no spaces please", ""])
    def test_another_is_replaced(self, alice: Client, sent: str) -> None:
        beside = alice.call("ListTasks", pb.ListTasksRequest(), metadata={"x-request-id": sent})[1]
        assert beside["x-request-id"] == beside["request-id"] != sent

    def test_a_trace_is_continued(self, alice: Client, log: Log) -> None:
        failure = alice.refused("GetTask", REQUESTS["GetTask"], metadata={"traceparent": TRACEPARENT})
        assert failure.trailing["traceparent"] == TRACEPARENT
        assert failure.details["ErrorDetail"].trace_id == TRACE
        until(lambda: log.access)
        assert log.access[0]["trace_id"] == TRACE

    def test_nonsense_is_no_trace(self, alice: Client) -> None:
        beside = alice.call("ListTasks", pb.ListTasksRequest(), metadata={"traceparent": "00-0-0-00"})[1]
        assert "traceparent" not in beside


class TestLog:
    """C5: one line for each call, and one for its error."""

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
        alice.refused("GetTask", REQUESTS["GetTask"])
        until(lambda: log.access)
        (line,) = log.errors
        assert (line["level"], line["code"], line["grpc_status"]) == ("WARNING", "TASK_NOT_FOUND", "NOT_FOUND")
        assert (line["status"], log.access[0]["status"]) == (404, 404)
        assert line["client"] == "127.0.0.1"
        assert "stack" not in line

    def test_a_refusal_of_nobody(self, unauthenticated: Client, log: Log) -> None:
        unauthenticated.refused("GetTask", REQUESTS["GetTask"])
        until(lambda: log.access)
        assert (log.errors[0]["code"], log.access[0]["status"]) == ("MISSING_CREDENTIALS", 401)

    def test_what_failed_is_kept_to_be_explained(self, alice: Client) -> None:
        written: list[FailureEntry] = []
        recorder = FailureRecorder(written.extend, sample=1.0)
        recorder.start()
        failure = alice.refused("GetTask", REQUESTS["GetTask"])
        until(lambda: written)
        recorder.stop(1.0)
        assert written[0].request_id == failure.trailing["x-request-id"]
        assert (written[0].fields["route"], written[0].fields["code"]) == (ROUTE, "TASK_NOT_FOUND")


class TestMetrics:
    def counted(self, route: str, status: str) -> float:
        """Return how many calls were measured."""
        labels = {"method": "POST", "route": route, "status": status}
        return metrics.REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0.0

    def test_the_method_is_the_route(self, alice: Client) -> None:
        before = self.counted(ROUTE, "404")
        alice.refused("GetTask", REQUESTS["GetTask"])
        until(lambda: self.counted(ROUTE, "404") == before + 1)

    def test_a_method_that_somebody_made_up_is_none(self, alice: Client) -> None:
        before = self.counted("unmatched", "405")
        with pytest.raises(grpc.RpcError):
            alice.raw("/made.up/Method", b"")
        until(lambda: self.counted("unmatched", "405") == before + 1)


class TestLimits:
    """C22."""

    def test_a_trusted_proxy_says_whose_call_it_is(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        limited = make_application(rate_limit="1 per hour", trusted_proxies=(ip_network("127.0.0.1"),))
        with served(limited, settings) as port, Client.of(port, token("alice")) as client:
            for address in ("10.0.0.1:5", "10.0.0.2", "[2001:db8::1]:5"):
                client.call("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": address})
            failure = client.refused("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": "10.0.0.1"})
            assert failure.reason == "RATE_LIMIT_EXCEEDED"
            failure = client.refused("ListTasks", pb.ListTasksRequest(), metadata={"x-forwarded-for": "2001:db8::2"})
            assert failure.reason == "RATE_LIMIT_EXCEEDED"

    def test_two_tokens_are_none(self, alice: Client) -> None:
        """C7."""
        failure = alice.refused("GetTask", REQUESTS["GetTask"], metadata={"authorization": f"Bearer {alice.token}"})
        assert (failure.reason, failure.facts["description"]) == (
            "INVALID_TOKEN",
            "Send exactly one Authorization header",
        )


class TestOverload:
    """C23a."""

    def test_what_would_wait_too_long_is_refused_and_health_is_told_all_the_same(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker, other_session: Connection
    ) -> None:
        small = make_application(web_threads=1, database_pool_size=2)
        with served(small, settings, web_threads=1) as port, Client.of(port, token("alice")) as client:

            def ask() -> Any:
                return client.stub.GetTask.future(REQUESTS["GetTask"], timeout=WITHIN, metadata=client.metadata())

            with locked(settings):
                calls = [ask()]
                until(lambda: waiting(other_session))
                calls += [ask(), ask()]
                until(lambda: any(call.done() for call in calls))
                assert health(client.channel) in {0, 1, 2}
            (refused,) = [call for call in calls if call.exception(timeout=WITHIN).code() is StatusCode.UNAVAILABLE]
            failure = Failure.of(refused.exception())
            assert failure.reason == "SERVICE_UNAVAILABLE"
            assert failure.details["RetryInfo"].retry_delay.seconds == 1
            assert [call.code() for call in calls if call is not refused] == [StatusCode.NOT_FOUND] * 2


def never() -> Iterator[bytes]:
    """Return messages that do not come, as long as anybody waits for them."""
    threading.Event().wait(WITHIN / 5)
    yield from ()


def sent(client: Client, messages: Iterator[bytes]) -> Failure:
    """Return how a call with these messages fails."""
    ask: grpc.StreamUnaryMultiCallable[bytes, bytes] = client.channel.stream_unary(ROUTE)
    with pytest.raises(grpc.RpcError) as raised:
        ask(messages, metadata=client.metadata())
    return Failure.of(raised.value)


class TestDeadlines:
    """C23."""

    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> list[deadline.Deadline]:
        """Return each deadline that is set for a call."""
        seen: list[deadline.Deadline] = []
        after = deadline.Deadline.after

        def note(budget: object, **said: bool) -> deadline.Deadline:
            made = after(budget, **said)  # type: ignore[arg-type]  # as it comes
            if said:  # by calls; what goes on in the background has a budget too
                seen.append(made)
            return made

        monkeypatch.setattr(deadline.Deadline, "after", note)
        return seen

    @pytest.mark.parametrize(("within", "budget"), [(3.0, 3.0), (10.0, 10.0), (3600.0, 10.0), (None, 10.0)])
    def test_the_callers_deadline_is_the_budget_unless_ours_is_shorter(
        self, alice: Client, limits: list[deadline.Deadline], within: float | None, budget: float
    ) -> None:
        alice.call("ListTasks", pb.ListTasksRequest(), within=within)
        assert budget - 0.5 < limits[0].budget.total_seconds() < budget + 0.1
        assert limits[0].is_shortened or budget == 10.0

    def test_the_services_own_budget_ends_with_a_status_that_says_where(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker, log: Log
    ) -> None:
        hurried = make_application(request_timeout=0.5)
        with served(hurried, settings) as port, Client.of(port, token("alice")) as client, locked(settings):
            failure = client.refused("GetTask", REQUESTS["GetTask"])
        assert (failure.code, failure.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        assert failure.extensions == {"budget_ms": 500, "spent_in": "database"}
        (line,) = log.errors
        assert (line["level"], "fault" in line, bool(line["stack"])) == ("ERROR", False, True)

    def test_the_statement_of_a_call_whose_time_is_over_is_gone(
        self, alice: Client, settings: Settings, other_session: Connection, log: Log
    ) -> None:
        """By the server's own cancelling, and not because somebody hung up."""
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

    @pytest.mark.parametrize("name", REQUESTS)
    def test_the_statement_of_a_caller_who_goes_away_is_gone(
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

    def test_a_message_that_does_not_come(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        """Whoever sends the head of a call only cannot keep it for ever."""
        hurried = make_application(request_timeout=0.2)
        with served(hurried, settings) as port, Client.of(port, token("alice")) as client:
            failure = sent(client, never())
        assert (failure.code, failure.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        assert failure.facts["spent_in"] == "request"

    def test_no_message_at_all(self, alice: Client) -> None:
        failure = sent(alice, iter(()))
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")

    def test_a_caller_who_goes_away_before_the_message_is_there(self, alice: Client, log: Log) -> None:
        ask: grpc.StreamUnaryMultiCallable[bytes, bytes] = alice.channel.stream_unary(ROUTE)
        call = ask.future(never(), metadata=alice.metadata())
        health(alice.channel)
        call.cancel()
        until(lambda: log.access)
        assert (log.access[0]["grpc_status"], log.errors) == ("CANCELLED", [])

    def test_no_time_at_all(self, alice: Client, log: Log) -> None:
        """Nothing is begun for it; of several calls, for the caller may give up before it has sent one."""
        for _ in range(10):
            with pytest.raises(grpc.RpcError) as raised:
                alice.call("GetTask", pb.GetTaskRequest(name=NAME), within=0)
            assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
        health(alice.channel)
        assert {(line["code"], line["facts"]["spent_in"]) for line in log.errors} == {("DEADLINE_EXCEEDED", "request")}
        assert {(line["level"], line["fault"], "stack" in line) for line in log.errors} == {
            ("WARNING", "client", False)
        }
