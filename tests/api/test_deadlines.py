"""C23: every request has a time budget, and nothing outlives it by more than half a second."""

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
from tests.api.caller import ABSENT, BATCH, TASKS, Caller, answered, path_of, refused, violated
from tests.api.conftest import Log
from tests.sent_statements import seen

GRACE = 0.5


def in_time(caller: Caller, method: str, path: str, within: str, **request: Any) -> dict[str, Any]:
    """Return the problem document of a request that runs out of time, and in time."""
    began = time.monotonic()
    response = caller.send(method, path, headers={"Request-Timeout": within}, **request)
    taken = time.monotonic() - began
    document = refused(response, 504, "DEADLINE_EXCEEDED")
    assert float(within) <= taken <= float(within) + GRACE
    assert document["budget_ms"] == float(within) * 1000
    return document


class TestRequestTimeout:
    """The header."""

    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> list[deadline.Deadline]:
        """Return each deadline that is set."""
        seen: list[deadline.Deadline] = []
        after = deadline.Deadline.after

        def note(budget: Any, **said: Any) -> deadline.Deadline:
            seen.append(after(budget, **said))
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
        """C23: larger is clamped. And it is remembered whose budget it is."""
        answered(alice.list_tasks(within=sent))
        assert limits[0].budget.total_seconds() == pytest.approx(seconds, abs=1e-5)
        assert limits[0].is_shortened is (seconds < 10)

    def test_ten_seconds_are_the_default(self, alice: Caller, limits: list[deadline.Deadline]) -> None:
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
    def test_what_is_no_number_of_seconds_is_a_violation(self, alice: Caller, sent: str) -> None:
        """C23: malformed is 400, and names the header."""
        response = alice.get(TASKS, environ_overrides={"HTTP_REQUEST_TIMEOUT": sent})
        assert violated(response) == [("Request-Timeout", "INVALID_VALUE")]
        assert response.json is not None
        assert response.json["errors"][0]["header"] == "Request-Timeout"

    def test_a_shorter_budget_of_the_service_is_kept_too(
        self, make_application: Callable[..., Flask], alice: Caller
    ) -> None:
        """C23: what is configured is the most."""
        hurried = make_application(request_timeout=0.2)
        with locked(hurried, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = Caller(hurried.test_client(), alice.credentials).list_tasks(within="9")
        assert refused(response, 504, "DEADLINE_EXCEEDED")["budget_ms"] == 200


class locked:  # noqa: N801 -- read as a phrase
    """Somebody else holds a lock for the length of the block."""

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
    """Make sure that nothing is left running, open or taken after the test."""
    yield
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    left = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'candor' "
        "AND state <> 'idle'"
    )
    with engine.connect() as connection:
        began = time.monotonic()
        while connection.execute(left).scalar_one():
            assert time.monotonic() - began < 2, "a statement or a transaction was left behind"
            time.sleep(0.02)
    engine.dispose()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of every queue pool


@pytest.mark.usefixtures("idle")
class TestFault:
    """Who is at fault when a budget is spent: the log, the metrics and the record agree."""

    @staticmethod
    def counted() -> dict[str, float]:
        """Return how many exceeded budgets were counted, by fault."""
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
    def test_a_budget_that_the_caller_shortened_is_the_callers(
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
    def test_a_budget_of_the_service_is_not(
        self, make_application: Callable[..., Flask], alice: Caller, log: Log, within: str | None
    ) -> None:
        hurried, before = make_application(request_timeout=0.2), self.counted()
        with locked(hurried, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = Caller(hurried.test_client(), alice.credentials).list_tasks(within=within)
        refused(response, 504, "DEADLINE_EXCEEDED")
        (line,) = log.errors
        assert (line["level"], "fault" in line, bool(line["stack"])) == ("ERROR", False, True)
        assert self.counted()["capacity"] - before["capacity"] == 1

    def test_a_budget_within_the_callers_that_ends_earlier_is_not_the_callers(self) -> None:
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

    def test_an_error_of_another_kind_has_the_fault_of_its_own_kind(self) -> None:
        cause = deadline.Deadline.after(timedelta(seconds=1), is_shortened=True).exceeded("database")
        passing, other = E("tasks.get", cause), ServiceUnavailable()
        other.__cause__ = cause
        assert (passing.fault, other.fault) == (Fault.CLIENT, Fault.CAPACITY)


@pytest.mark.usefixtures("idle")
class TestBudget:
    """Where the time may go."""

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
    def test_it_bounds_the_wait_for_a_table(self, alice: Caller, app: Flask, method: str, path: str, body: Any) -> None:
        """C23: lock waits; and nothing is written when the lock is given free."""
        with locked(app, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            assert in_time(alice, method, path, "0.1", json=body)["spent_in"] == "database"
        assert alice.titles() == []

    def test_it_bounds_the_wait_for_a_row(self, alice: Caller, app: Flask) -> None:
        """C23: somebody else is changing the same task."""
        before = alice.task()
        with locked(app, "SELECT id FROM tasks FOR UPDATE"):
            for method in ("PATCH", "DELETE"):
                body = {"title": "x"} if method == "PATCH" else None
                in_time(alice, method, path_of(before), "0.1", json=body)
            answered(alice.get(path_of(before), headers={"Request-Timeout": "0.1"}))
        assert answered(alice.get(path_of(before))) == before

    def test_a_lock_is_not_waited_for_as_long_as_the_budget_lasts(self, alice: Caller, app: Flask) -> None:
        """503 after two seconds, so that those who wait do not pile up."""
        path = path_of(alice.task())
        with locked(app, "SELECT id FROM tasks FOR UPDATE"):
            began = time.monotonic()
            document = refused(alice.patch(path, json={"title": "x"}), 503, "SERVICE_UNAVAILABLE")
            assert time.monotonic() - began < 2 + GRACE
        assert document["retry_after"] == 1

    def test_it_bounds_a_statement(self, alice: Caller, app: Flask) -> None:
        """C23: one that takes its time."""
        path = path_of(alice.task())

        def slow(statement: str, _parameters: object) -> str:
            return statement.replace("FROM tasks", "FROM tasks, pg_sleep(5)")

        with app.app_context(), seen(db.engine, slow):
            in_time(alice, "GET", path, "0.2")
        answered(alice.list_tasks())

    def test_it_bounds_the_wait_for_a_connection(self, make_application: Callable[..., Flask], alice: Caller) -> None:
        """C23: pool waits; the document says where."""
        narrow = make_application(database_pool_size=1)
        caller = Caller(narrow.test_client(), alice.credentials)
        with narrow.app_context(), db.engine.connect():
            assert in_time(caller, "GET", TASKS, "0.1")["spent_in"] == "database_pool"
            assert in_time(caller, "POST", TASKS, "0.1", json={"task": {"title": "x"}})["spent_in"] == "database_pool"
        answered(caller.list_tasks())

    def test_a_pool_that_stays_empty_is_503_before_the_budget_is_spent(
        self, make_application: Callable[..., Flask], alice: Caller
    ) -> None:
        """And what needs no database is not held up."""
        narrow = make_application(database_pool_size=1)
        caller, unauthenticated = (Caller(narrow.test_client(), who) for who in (alice.credentials, {}))
        with narrow.app_context(), db.engine.connect():
            began = time.monotonic()
            assert refused(caller.list_tasks(), 503, "SERVICE_UNAVAILABLE")["retry_after"] == 1
            assert time.monotonic() - began < 1 + GRACE
            began = time.monotonic()
            assert unauthenticated.list_tasks().status_code == 401
            refused(unauthenticated.get("/v1/nothing"), 404, "ROUTE_NOT_FOUND")
            answered(unauthenticated.get("/healthz"))
            assert time.monotonic() - began < GRACE

    def test_with_a_key_nothing_is_left_behind(self, alice: Caller, app: Flask) -> None:
        """C21, C23: the key is free again at once."""
        body, key = {"task": {"title": "x"}}, {"Idempotency-Key": "k-1"}
        with locked(app, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
            response = alice.post(json=body, headers={**key, "Request-Timeout": "0.1"})
            refused(response, 504, "DEADLINE_EXCEEDED")
        began = time.monotonic()
        while (response := alice.post(json=body, headers=key)).status_code == 409:
            refused(response, 409, "IDEMPOTENCY_IN_PROGRESS")
            assert time.monotonic() - began < 2
            time.sleep(0.02)
        answered(response, 201)
