"""C23: every request has a time budget, and ends at most half a second after it."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, text

from app.config import Settings
from app.errs import E, Fault
from app.errs.platform import ServiceUnavailable
from app.extensions import db
from app.observability import metrics
from app.resilience import deadline
from tests.api.caller import ABSENT, BATCH, TASKS, Caller, answered, path_of, rejected, violated
from tests.api.conftest import Log
from tests.sent_statements import seen

pytestmark = pytest.mark.slow

GRACE = 4.0
"""Seconds by which a busy machine may be late. tests/stack/test_database_network.py measures the promised 0.5."""


def in_time(caller: Caller, method: str, path: str, within: str, **request: Any) -> dict[str, Any]:
    """Return the problem document of a request that exceeds its budget, and assert that it ends in time."""
    began = time.monotonic()
    response = caller.send(method, path, headers={"Request-Timeout": within}, **request)
    taken = time.monotonic() - began
    document = rejected(response, 504, "DEADLINE_EXCEEDED")
    assert float(within) <= taken <= float(within) + GRACE
    assert document["budget_ms"] == float(within) * 1000
    return document


class TestRequestTimeout:
    """The header field."""

    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> list[deadline.Deadline]:
        """Return each deadline that a request sets."""
        seen: list[deadline.Deadline] = []
        after = deadline.Deadline.after

        def note(budget: Any, **options: Any) -> deadline.Deadline:
            seen.append(after(budget, **options))
            return seen[-1]

        monkeypatch.setattr(deadline.Deadline, "after", note)
        return seen

    @pytest.mark.parametrize(
        ("sent", "seconds"),
        [
            ("0.05", 0.05),
            ("1", 1),
            ("2.5", 2.5),
            ("007", 7),
            ("9.999999999", 9.999999),
            ("10", 10),
            ("10.000001", 10),
            ("11", 10),
            ("3600", 10),
            ("9" * 30, 10),
            ("9" * 400 + ".5", 10),
        ],
    )
    def test_a_caller_may_shorten_the_budget_but_not_lengthen_it(
        self, alice: Caller, limits: list[deadline.Deadline], sent: str, seconds: float
    ) -> None:
        """C23: larger values are limited. The deadline records whether the caller set it."""
        answered(alice.list_tasks(within=sent))
        assert limits[0].budget.total_seconds() == pytest.approx(seconds, abs=1e-5)
        assert limits[0].is_shortened is (seconds < 10)

    def test_the_default_is_ten_seconds(self, alice: Caller, limits: list[deadline.Deadline]) -> None:
        """C23."""
        answered(alice.list_tasks())
        assert (limits[0].budget.total_seconds(), limits[0].is_shortened) == (10, False)

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            " ",
            "0",
            "0.0",
            "0.049",
            "-1",
            "+1",
            "1e1",
            "1s",
            "1,5",
            ".5",
            "1.",
            "1.2.3",
            "NaN",
            "inf",
            "soon",
            "１",
            "1 2",
            "0x1",
        ],
    )
    def test_an_invalid_number_of_seconds_is_a_violation(self, alice: Caller, sent: str) -> None:
        """C23: a malformed value is 400, and the violation names the header field."""
        response = alice.get(TASKS, environ_overrides={"HTTP_REQUEST_TIMEOUT": sent})
        assert violated(response) == [("Request-Timeout", "INVALID_VALUE")]
        assert response.json is not None
        assert response.json["errors"][0]["header"] == "Request-Timeout"

    def test_a_shorter_budget_of_the_service_applies_too(
        self, make_application: Callable[..., Flask], alice: Caller
    ) -> None:
        """C23: the setting is the maximum."""
        hurried = make_application(request_timeout=0.2)
        with locked(hurried, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = Caller(hurried.test_client(), alice.credentials).list_tasks(within="9")
        assert rejected(response, 504, "DEADLINE_EXCEEDED")["budget_ms"] == 200


class locked:  # noqa: N801 -- read as a phrase
    """Lock the table in another session during the block."""

    def __init__(self, app: Flask, statement: str) -> None:
        self.engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
        self.statement = statement

    def __enter__(self) -> Connection:
        self.connection = self.engine.connect()
        self.connection.execute(text(self.statement))
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.engine.dispose()


@pytest.fixture
def idle(app: Flask, settings: Settings) -> Iterator[None]:
    """Assert after the test that no statement, transaction or connection remains."""
    yield
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    left = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'candor' "
        "AND state <> 'idle'"
    )
    with engine.connect() as connection:
        began = time.monotonic()
        while connection.execute(left).scalar_one():
            assert time.monotonic() - began < 8, "a statement or a transaction was left behind"
            time.sleep(0.02)
    engine.dispose()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of every queue pool


@pytest.mark.usefixtures("idle")
class TestFault:
    """The fault of an exceeded budget: log, metrics and stored failure agree."""

    @staticmethod
    def counted() -> dict[str, float]:
        """Return the number of exceeded budgets, by fault."""
        samples = [sample for family in metrics.ERRORS.collect() for sample in family.samples]
        return {
            each.labels["fault"]: each.value
            for each in samples
            if each.name == "errors_total" and each.labels["code"] == "DEADLINE_EXCEEDED"
        }

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [("GET", TASKS, None), ("POST", TASKS, {"task": {"title": "x"}}), ("DELETE", ABSENT, None)],
    )
    def test_a_budget_that_the_caller_shortened_is_the_client_s_fault(
        self, alice: Caller, app: Flask, log: Log, method: str, path: str, body: Any
    ) -> None:
        before = self.counted()
        with locked(app, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            in_time(alice, method, path, "0.1", json=body)
        (line,) = log.errors
        assert (line["level"], line["fault"], "stack" in line, "breakers" in line) == (
            "WARNING",
            "client",
            False,
            False,
        )
        assert (line["facts"]["budget_ms"], line["facts"]["spent_in"]) == (100, "database")
        after = self.counted()
        assert {fault: after[fault] - before.get(fault, 0) for fault in after} == {"client": 1, "capacity": 0}

    @pytest.mark.parametrize("within", [None, "10", "60"])
    def test_a_budget_of_the_service_is_not_the_client_s_fault(
        self, make_application: Callable[..., Flask], alice: Caller, log: Log, within: str | None
    ) -> None:
        hurried, before = make_application(request_timeout=0.2), self.counted()
        with locked(hurried, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = Caller(hurried.test_client(), alice.credentials).list_tasks(within=within)
        rejected(response, 504, "DEADLINE_EXCEEDED")
        (line,) = log.errors
        assert (line["level"], "fault" in line, bool(line["stack"])) == ("ERROR", False, True)
        assert self.counted()["capacity"] - before["capacity"] == 1

    def test_a_shorter_budget_within_that_of_the_caller_is_not_the_client_s_fault(self) -> None:
        token = deadline.current.set(deadline.Deadline.after(timedelta(seconds=5), is_shortened=True))
        try:
            with deadline.within(timedelta(seconds=1)):
                inner = deadline.current.get()
            assert inner is not None
            assert inner.exceeded("users").fault is Fault.CAPACITY
            with deadline.within(timedelta(seconds=6)):
                outer = deadline.current.get()
            assert outer is not None
            assert outer.exceeded("users").fault is Fault.CLIENT
        finally:
            deadline.current.reset(token)

    def test_an_error_of_another_kind_has_the_fault_of_its_kind(self) -> None:
        cause = deadline.Deadline.after(timedelta(seconds=1), is_shortened=True).exceeded("database")
        passing, other = E("tasks.get", cause), ServiceUnavailable()
        other.__cause__ = cause
        assert (passing.fault, other.fault) == (Fault.CLIENT, Fault.CAPACITY)


@pytest.mark.usefixtures("idle")
class TestBudget:
    """Places where time is spent."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", TASKS, None),
            ("GET", ABSENT, None),
            ("POST", TASKS, {"task": {"title": "x"}}),
            ("POST", BATCH, {"requests": [{"task": {"title": "x"}}]}),
            ("PATCH", ABSENT, {"title": "x"}),
            ("DELETE", ABSENT, None),
        ],
    )
    def test_it_limits_the_wait_for_a_table(self, alice: Caller, app: Flask, method: str, path: str, body: Any) -> None:
        """C23: lock waits; and nothing is written after the lock is released."""
        with locked(app, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            assert in_time(alice, method, path, "0.1", json=body)["spent_in"] == "database"
        assert alice.titles() == []

    def test_it_limits_the_wait_for_a_row(self, alice: Caller, app: Flask) -> None:
        """C23: another session changes the same task."""
        before = alice.task()
        with locked(app, "SELECT id FROM tasks FOR UPDATE"):
            for method in ("PATCH", "DELETE"):
                body = {"title": "x"} if method == "PATCH" else None
                in_time(alice, method, path_of(before), "0.1", json=body)
            answered(alice.get(path_of(before), headers={"Request-Timeout": "0.1"}))
        assert answered(alice.get(path_of(before))) == before

    def test_the_wait_for_a_lock_is_shorter_than_the_budget(self, alice: Caller, app: Flask) -> None:
        """503 after two seconds, which keeps the queue short."""
        path = path_of(alice.task())
        with locked(app, "SELECT id FROM tasks FOR UPDATE"):
            began = time.monotonic()
            document = rejected(alice.patch(path, json={"title": "x"}), 503, "SERVICE_UNAVAILABLE")
            assert time.monotonic() - began < 2 + GRACE
        assert document["retry_after"] == 1

    def test_it_limits_a_statement(self, alice: Caller, app: Flask) -> None:
        """C23: a slow one."""
        path = path_of(alice.task())

        def slow(statement: str, _parameters: object) -> str:
            return statement.replace("FROM tasks", "FROM tasks, pg_sleep(10)")

        with app.app_context(), seen(db.engine, slow):
            in_time(alice, "GET", path, "0.2")
        answered(alice.list_tasks())

    def test_it_limits_the_wait_for_a_connection(self, make_application: Callable[..., Flask], alice: Caller) -> None:
        """C23: waits for the pool; the document names the stage."""
        narrow = make_application(database_pool_size=1)
        caller = Caller(narrow.test_client(), alice.credentials)
        with narrow.app_context(), db.engine.connect():
            assert in_time(caller, "GET", TASKS, "0.1")["spent_in"] == "database_pool"
            assert in_time(caller, "POST", TASKS, "0.1", json={"task": {"title": "x"}})["spent_in"] == "database_pool"
        answered(caller.list_tasks())

    def test_an_exhausted_pool_is_503_before_the_budget_is_spent(
        self, make_application: Callable[..., Flask], alice: Caller
    ) -> None:
        """Operations without the database are not delayed."""
        narrow = make_application(database_pool_size=1)
        caller, unauthenticated = (Caller(narrow.test_client(), who) for who in (alice.credentials, {}))
        with narrow.app_context(), db.engine.connect():
            began = time.monotonic()
            assert rejected(caller.list_tasks(), 503, "SERVICE_UNAVAILABLE")["retry_after"] == 1
            assert time.monotonic() - began < 1 + GRACE
            began = time.monotonic()
            assert unauthenticated.list_tasks().status_code == 401
            rejected(unauthenticated.get("/v1/nothing"), 404, "ROUTE_NOT_FOUND")
            answered(unauthenticated.get("/healthz"))
            assert time.monotonic() - began < GRACE

    def test_an_exceeded_budget_leaves_the_key_free(self, alice: Caller, app: Flask) -> None:
        """C21, C23: a retry may use the key immediately."""
        body, key = {"task": {"title": "x"}}, {"Idempotency-Key": "k-1"}
        with locked(app, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = alice.post(json=body, headers={**key, "Request-Timeout": "0.1"})
            rejected(response, 504, "DEADLINE_EXCEEDED")
        began = time.monotonic()
        while (response := alice.post(json=body, headers=key)).status_code == 409:
            rejected(response, 409, "IDEMPOTENCY_IN_PROGRESS")
            assert time.monotonic() - began < 8
            time.sleep(0.02)
        answered(response, 201)
