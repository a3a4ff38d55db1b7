"""Rollbacks of transactions by the database, lost connections, and outages: the responses to callers."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from app.config import Settings
from app.extensions import db
from app.repositories.pool import BoundedPool
from app.resilience.breaker import Breaker, State
from app.resilience.transaction_retry import BUDGET
from app.rest import failover
from tests.api.caller import TASKS, Caller, answered, at_once, path_of, rejected
from tests.fakes.network import Proxy

pytestmark = pytest.mark.slow

KEYED = {"Idempotency-Key": "fault-1"}
TRIGGER = """
    CREATE SEQUENCE fault_tries;
    CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('fault_tries') <= {times} THEN {act}; END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON tasks {when} FOR EACH ROW EXECUTE FUNCTION fault();
"""
CLEAR = "DROP TRIGGER fault ON tasks; DROP FUNCTION fault; DROP SEQUENCE fault_tries"
RAISE = "RAISE EXCEPTION 'provoked' USING ERRCODE = '{sqlstate}'"
DIE = "PERFORM pg_terminate_backend(pg_backend_pid())"
AT_COMMIT = "DEFERRABLE INITIALLY DEFERRED"
FOR_EVER = 1_000_000


@pytest.fixture
def admin_engine(settings: Settings) -> Iterator[Engine]:
    """Return a connection of the database administrator."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


Faults = Callable[..., Any]


@pytest.fixture(autouse=True)
def full_budget() -> None:
    """Give each test the full retry budget of a process."""
    BUDGET._reset()


@pytest.fixture
def faulty(admin_engine: Engine) -> Faults:
    """Return a context in which this many insertions fail in this way; it yields a counter of attempts."""

    @contextmanager
    def make(act: str, *, times: int = FOR_EVER, when: str = "") -> Iterator[Callable[[], int]]:
        with admin_engine.connect() as admin:
            admin.execute(text(TRIGGER.format(times=times, act=act, when=when)))
            try:
                yield lambda: int(admin.execute(text("SELECT last_value FROM fault_tries")).scalar_one())
            finally:
                admin.execute(text(CLEAR))

    return make


def titles(caller: Caller) -> list[str]:
    """Return the titles of the caller's tasks."""
    return [task["title"] for task in answered(caller.list_tasks())["tasks"]]


def breaker(app: Flask) -> Breaker:
    """Return the breaker of the application's database."""
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, BoundedPool)
    assert pool.breaker is not None
    return pool.breaker


class TestUndoneTransactions:
    """Deadlock, serialization failure, and a connection that is lost before COMMIT: the database has rolled back."""

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    @pytest.mark.parametrize("headers", [{}, KEYED], ids=["unkeyed", "keyed"])
    def test_ok(self, alice: Caller, faulty: Faults, sqlstate: str, headers: dict[str, str]) -> None:
        """Raised twice, then success: 201, three attempts, one effect."""
        with faulty(RAISE.format(sqlstate=sqlstate), times=2) as tries:
            answered(alice.post(json={"task": {"title": "raced"}}, headers=headers), 201)
            assert tries() == 3
        assert titles(alice) == ["raced"]

    def test_a_lost_connection_is_retried_too(self, alice: Caller, faulty: Faults) -> None:
        """The service learns of a terminated backend only at COMMIT."""
        with faulty(DIE, times=1) as tries:
            answered(alice.create("survivor"), 201)
            assert tries() == 2
        assert titles(alice) == ["survivor"]

    def test_there_are_at_most_three_attempts(self, alice: Caller, faulty: Faults) -> None:
        """Raised in every attempt: 503, exactly this many attempts, no effect."""
        with faulty(RAISE.format(sqlstate="40001")) as tries:
            document = rejected(alice.create("raced"), 503, "SERVICE_UNAVAILABLE")
            assert tries() == 3
            assert document["retryable"], "PostgreSQL has reported a rollback"
            assert "may or may not" not in document["detail"]
        assert titles(alice) == []
        answered(alice.create("raced"), 201)

    def test_a_failure_at_commit_is_retried_too(self, alice: Caller, faulty: Faults) -> None:
        """A deferred constraint that fails at COMMIT has rolled back."""
        with faulty(RAISE.format(sqlstate="40001"), when=AT_COMMIT):
            assert rejected(alice.create("raced"), 503, "SERVICE_UNAVAILABLE")["retryable"]
        assert titles(alice) == []

    def test_a_batch_is_retried_as_a_whole(self, alice: Caller, faulty: Faults) -> None:
        with faulty(RAISE.format(sqlstate="40P01"), times=1):
            assert len(answered(alice.batch({"title": "a"}, {"title": "b"}))["tasks"]) == 2
        assert sorted(titles(alice)) == ["a", "b"]

    def test_no_attempt_begins_after_the_deadline(self, alice: Caller, faulty: Faults) -> None:
        """C23."""
        with faulty(f"PERFORM pg_sleep(0.15); {RAISE.format(sqlstate='40001')}") as tries:
            response = alice.post(json={"task": {"title": "late"}}, headers={"Request-Timeout": "0.2"})
            assert response.status_code in {503, 504}
            assert tries() <= 2


class TestUnknownCommit:
    """A connection that is lost during COMMIT: the outcome is unknown."""

    def test_it_is_never_repeated_automatically(self, alice: Caller, faulty: Faults) -> None:
        with faulty(DIE, when=AT_COMMIT) as tries:
            document = rejected(alice.create("doubtful"), 503, "SERVICE_UNAVAILABLE")
            assert tries() == 1
        assert (document["retryable"], "retry" in document) == (False, False)
        assert "The service may have applied the change" in document["detail"]

    def test_a_keyed_retry_determines_the_outcome(self, alice: Caller, faulty: Faults) -> None:
        """C21."""
        body = {"task": {"title": "doubtful"}}
        with faulty(DIE, times=1, when=AT_COMMIT):
            assert rejected(alice.post(json=body, headers=KEYED), 503, "SERVICE_UNAVAILABLE")["retryable"]
            created = alice.post(json=body, headers=KEYED)
            assert answered(alice.post(json=body, headers=KEYED), 201) == answered(created, 201)
        assert titles(alice) == ["doubtful"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a port without a listener, until the test starts one."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


@pytest.fixture
def cut_off(make_application: Callable[..., Flask], settings: Settings, listener: socket.socket) -> Flask:
    """Return an application whose database does not listen."""
    url = make_url(settings.database_url).set(host="127.0.0.1", port=listener.getsockname()[1])
    return make_application(database_url=url.render_as_string(hide_password=False))


class TestFailover:
    """nginx sends a request to the other instance only if this one has changed nothing."""

    REQUEST: Mapping[str, str] = {failover.REQUESTED: "1"}

    def test_a_lost_database(self, cut_off: Flask, alice: Caller) -> None:
        """From the first failure on, with the breaker closed and open; nginx would keep Cache-Control."""
        caller = Caller(cut_off.test_client(), alice.credentials)
        for _ in range(8):
            response = caller.post(json={"task": {"title": "x"}}, headers=self.REQUEST)
            rejected(response, 503, "SERVICE_UNAVAILABLE")
            assert response.headers.get(failover.FIELD) == failover.ELSEWHERE
            assert not failover.KEPT & {name.lower() for name, _ in response.headers}
        assert failover.FIELD not in caller.create().headers  # without the request of nginx

    def test_an_unknown_commit(self, alice: Caller, faulty: Faults) -> None:
        with faulty(DIE, when=AT_COMMIT):
            response = alice.post(json={"task": {"title": "doubtful"}}, headers=self.REQUEST)
        rejected(response, 503, "SERVICE_UNAVAILABLE")
        assert failover.FIELD not in response.headers

    def test_a_held_lock(self, alice: Caller, admin_engine: Engine) -> None:
        """The other instance would wait for the same lock."""
        path = path_of(alice.task())
        response = held(admin_engine, lambda: alice.patch(path, json={"title": "new"}, headers=self.REQUEST))
        rejected(response, 503, "SERVICE_UNAVAILABLE")
        assert failover.FIELD not in response.headers

    def test_overload(self, app: Flask, alice: Caller) -> None:
        """Passed-on requests would make it worse."""
        with ExitStack() as slots:
            for _ in range(app.extensions["app-services"].bulkhead.size):
                slots.enter_context(app.extensions["app-services"].bulkhead)
            response = alice.post(json={"task": {"title": "x"}}, headers=self.REQUEST)
        rejected(response, 503, "SERVICE_UNAVAILABLE")
        assert failover.FIELD not in response.headers

    @pytest.mark.parametrize("status", [400, 404, 409])
    def test_an_error_of_the_client(self, alice: Caller, status: int) -> None:
        alice.task("taken")
        body, path = {400: ({"task": {}}, TASKS), 404: ({}, "/v1/nothing"), 409: ({"task": {"title": "taken"}}, TASKS)}[
            status
        ]
        response = alice.send("POST", path, json=body, headers=self.REQUEST)
        assert (response.status_code, failover.FIELD in response.headers) == (status, False)


class TestBreaker:
    """The service sends no request to a database that is known to be down, and callers do not wait for it."""

    def test_consecutive_failures_open_it(self, cut_off: Flask, alice: Caller) -> None:
        """503 with Retry-After."""
        caller = Caller(cut_off.test_client(), alice.credentials)
        for _ in range(6):
            rejected(caller.list_tasks(), 503, "SERVICE_UNAVAILABLE")
        assert breaker(cut_off).state() is not State.CLOSED, "open, or half-open after a second"
        for send in (caller.list_tasks, caller.create):
            document = rejected(send(), 503, "SERVICE_UNAVAILABLE")
            assert (document["retry_after"], "breaker" in document, "state" in document) == (1, False, False)
        rejected(caller.get("/v1/nothing"), 404, "ROUTE_NOT_FOUND")
        answered(caller.get("/healthz"))

    def test_it_closes_automatically_once_the_database_answers(
        self, cut_off: Flask, alice: Caller, settings: Settings, listener: socket.socket
    ) -> None:
        """The first request succeeds within two seconds, on a machine that is not busy."""
        caller = Caller(cut_off.test_client(), alice.credentials)
        while breaker(cut_off).state() is State.CLOSED:
            rejected(caller.list_tasks(), 503, "SERVICE_UNAVAILABLE")
        url = make_url(settings.database_url)
        with closing(Proxy(url.host or "127.0.0.1", url.port or 5432, listener=listener)):
            began = time.monotonic()
            while caller.list_tasks().status_code != 200:
                assert time.monotonic() - began < 10
                time.sleep(0.05)
            assert breaker(cut_off).state() is State.CLOSED
            with cut_off.app_context():
                db.engine.dispose()

    def test_errors_that_are_not_the_database_s_fault_do_not_count(
        self, app: Flask, alice: Caller, admin_engine: Engine
    ) -> None:
        """Conflicts, rejected data, held locks, and budgets that the caller shortened."""
        alice.task("taken")
        guard = breaker(app)
        answered(alice.list_tasks())
        before = guard.counts.total_failures
        for _ in range(25):
            rejected(alice.create("taken"), 409, "TASK_TITLE_TAKEN")
        for _ in range(8):
            held(admin_engine, lambda: alice.send("GET", TASKS, headers={"Request-Timeout": "0.05"}))
        assert guard.state() is State.CLOSED
        assert guard.counts.total_failures in {before, 0}  # the count starts from 0 each minute

    def test_a_lock_that_is_held_for_long_does_not_count_either(
        self, app: Flask, alice: Caller, admin_engine: Engine
    ) -> None:
        """503 after two seconds, and the next caller is served as usual."""
        path = path_of(alice.task())
        guard = breaker(app)
        before = guard.counts.total_failures
        response = held(admin_engine, lambda: alice.patch(path, json={"title": "new"}))
        rejected(response, 503, "SERVICE_UNAVAILABLE")
        assert guard.counts.total_failures in {before, 0}  # the count starts from 0 each minute
        answered(alice.patch(path, json={"title": "new"}))


class TestFrozenDatabase:
    """PostgreSQL is frozen, and clients have short timeouts."""

    CLIENTS = 12
    WITHIN: Mapping[str, str] = {"Request-Timeout": "0.5"}

    @pytest.fixture
    def network(self, settings: Settings) -> Iterator[Proxy]:
        """Return the network before PostgreSQL, which can stop forwarding."""
        url = make_url(settings.database_url)
        with closing(Proxy(url.host or "127.0.0.1", url.port or 5432)) as proxy:
            yield proxy
            proxy.flows.set()

    @pytest.fixture
    def frozen(
        self, make_application: Callable[..., Flask], settings: Settings, network: Proxy, alice: Caller
    ) -> Iterator[Callable[[], Caller]]:
        """Return a maker of callers of an application with four work slots, whose database has just frozen."""
        url = make_url(settings.database_url).set(host="127.0.0.1", port=network.port)
        app = make_application(database_url=url.render_as_string(hide_password=False))

        def caller() -> Caller:
            return Caller(app.test_client(), alice.credentials)

        at_once(8, lambda _: answered(caller().list_tasks()), threads=4)
        network.flows.clear()
        self.guard = breaker(app)
        yield caller
        network.flows.set()
        with app.app_context():
            db.engine.dispose()

    def round(self, frozen: Callable[[], Caller]) -> list[int]:
        """Return the statuses of simultaneous clients with short timeouts."""
        callers = [frozen() for _ in range(self.CLIENTS)]
        responses = at_once(
            self.CLIENTS, lambda at: callers[at].send("GET", TASKS, headers=self.WITHIN), threads=self.CLIENTS
        )
        return [response.status_code for response in responses]

    def test_no_more_requests_time_out_than_there_are_slots(self, frozen: Callable[[], Caller]) -> None:
        statuses = self.round(frozen)
        assert set(statuses) == {503, 504}
        assert statuses.count(504) <= 4
        assert self.guard.state() is not State.CLOSED
        for _ in range(3):
            assert set(self.round(frozen)) == {503}

    def test_a_single_client_opens_the_breaker_too(self, frozen: Callable[[], Caller]) -> None:
        statuses = [frozen().send("GET", TASKS, headers=self.WITHIN).status_code for _ in range(8)]
        assert statuses == [504] * 4 + [503] * 4

    def test_no_client_request_is_the_probe(self, frozen: Callable[[], Caller], network: Proxy) -> None:
        self.round(frozen)
        began, slowest = time.monotonic(), 0.0
        while time.monotonic() < began + 3:
            sent = time.monotonic()
            rejected(frozen().list_tasks(), 503, "SERVICE_UNAVAILABLE")
            slowest = max(slowest, time.monotonic() - sent)
            time.sleep(0.02)
        assert slowest < 5, "a client waited for the database"  # its budget is ten seconds
        network.flows.set()
        healed = time.monotonic()
        while frozen().list_tasks().status_code != 200:
            assert time.monotonic() < healed + 10
            time.sleep(0.02)


def held(engine: Engine, send: Callable[[], Any]) -> Any:
    """Send a request while another session locks the table."""
    with engine.connect() as locker:
        _lock(locker)
        try:
            return send()
        finally:
            locker.exec_driver_sql("ROLLBACK")


def _lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
