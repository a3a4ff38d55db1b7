"""A lost synchronous standby: COMMITs wait, and are neither acknowledged nor cancelled, and reads still work."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, make_url

from app.errs.platform import DeadlineExceeded
from app.extensions import db
from app.observability import metrics
from app.repositories.pool import BoundedPool
from app.resilience import deadline
from app.resilience.breaker import State
from deploy.local import embedded_postgres
from tests.api.caller import Caller, answered, path_of, rejected
from tests.api.conftest import Bearer
from tests.databases import Databases

pytestmark = pytest.mark.slow

WITHIN = {"Request-Timeout": "0.4"}
SOON = 3
"""Seconds in which the service rejects new writes without a wait: less than the budget of one of them."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a migrated database on its own server."""
    folder: Path = tmp_path_factory.mktemp("standby")
    started = embedded_postgres.start(
        folder / "postgres", settings={"max_connections": "40", "fsync": "off"}, disposable=True
    )
    try:
        with closing(Databases(started.url, "standby")) as own:
            yield own.make("main", template=own.make_template())
    finally:
        started.stop()


@pytest.fixture
def admin(url: str) -> Iterator[Callable[[str], Any]]:
    """Return a function that runs a statement as the superuser, and returns the first column of the first row."""
    engine = create_engine(make_url(url).set(username="postgres"), isolation_level="AUTOCOMMIT")

    def run(statement: str) -> Any:
        with engine.connect() as connection:
            done = connection.exec_driver_sql(statement)
            return done.scalar() if done.returns_rows else None

    yield run
    engine.dispose()


@pytest.fixture
def pool(served: Flask) -> BoundedPool:
    """Return the connections of the application."""
    with served.app_context():
        pool = db.engine.pool
    assert isinstance(pool, BoundedPool)
    return pool


@pytest.fixture
def served(make_application: Callable[..., Flask], url: str) -> Flask:
    """Return an application on that server: four work slots, therefore two writers."""
    return make_application(database_url=url)


@pytest.fixture
def caller(served: Flask, bearer: Bearer) -> Iterator[Caller]:
    """Return a caller with the scope of tasks."""
    caller = Caller(served.test_client(), bearer("alice"))
    yield caller
    for task in answered(caller.list_tasks())["tasks"]:
        caller.delete(path_of(task))


@pytest.fixture
def heal(admin: Callable[[str], Any], pool: BoundedPool) -> Callable[[], None]:
    """Return a function that ends the wait for the standby; it returns once every COMMIT has ended."""

    def end() -> None:
        admin("ALTER SYSTEM RESET synchronous_standby_names")
        admin("SELECT pg_reload_conf()")
        until = time.monotonic() + 5
        while pool.checkedout() or pool.writer_limit.unsettled:
            assert time.monotonic() < until
            time.sleep(0.02)

    return end


@pytest.fixture
def lost(admin: Callable[[str], Any], heal: Callable[[], None], caller: Caller) -> Iterator[Caller]:
    """Return the caller, while every COMMIT waits for a missing standby."""
    answered(caller.create("before"), 201)
    admin("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    admin("SELECT pg_reload_conf()")
    until = time.monotonic() + 5
    while admin("SHOW synchronous_standby_names") != "nobody":
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.1)
    yield caller
    heal()


def create(caller: Caller, title: str, **headers: str) -> Any:
    """Send a creation with a short timeout."""
    return caller.post(json={"task": {"title": title}}, headers={**WITHIN, **headers})


class TestWrites:
    def test_a_commit_that_waits_is_not_acknowledged(self, lost: Caller, heal: Callable[[], None]) -> None:
        document = rejected(create(lost, "doubtful"), 504, "DEADLINE_EXCEEDED")
        assert (document["retryable"], "retry" in document) == (False, False)
        assert "The service may have applied the change" in document["detail"]
        heal()
        assert sorted(lost.titles()) == ["before", "doubtful"]

    def test_a_keyed_write_may_be_sent_again(self, lost: Caller, heal: Callable[[], None]) -> None:
        key = {"Idempotency-Key": "standby-1"}
        assert rejected(create(lost, "keyed", **key), 504, "DEADLINE_EXCEEDED")["retryable"]
        heal()
        answered(create(lost, "keyed", **key), 201)
        assert sorted(lost.titles()) == ["before", "keyed"]

    def test_beyond_half_of_the_slots_new_writes_are_rejected_immediately(
        self, lost: Caller, admin: Callable[[str], Any], pool: BoundedPool
    ) -> None:
        for title in ("a", "b"):
            rejected(create(lost, title), 504, "DEADLINE_EXCEEDED")
        (task,) = answered(lost.list_tasks(filter='title = "before"'))["tasks"]
        began = time.monotonic()
        assert lost.create("c").status_code == 503
        assert lost.delete(path_of(task)).status_code == 503
        document = rejected(lost.create("d"), 503, "SERVICE_UNAVAILABLE")
        assert time.monotonic() - began < SOON
        assert document["retryable"]
        assert "may or may not" not in document["detail"]
        assert (pool.writer_limit.unsettled, pool.checkedout(), admin(WAITING)) == (2, 2, 2)

    def test_many_simultaneous_writes_leave_two_in_progress(
        self, lost: Caller, served: Flask, admin: Callable[[str], Any], heal: Callable[[], None]
    ) -> None:
        callers = [Caller(served.test_client(), lost.credentials) for _ in range(12)]
        with ThreadPoolExecutor(12) as threads:
            statuses = list(threads.map(lambda at: create(callers[at], f"n{at}").status_code, range(12)))
        assert sorted(set(statuses)) == [503, 504]
        assert statuses.count(504) <= 2
        assert admin(WAITING) <= 2
        heal()
        stored = [title for title in lost.titles() if title != "before"]
        assert len(stored) == statuses.count(504)
        answered(lost.create("afterwards"), 201)

    @pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
    def test_a_commit_that_an_operator_cancels_is_not_acknowledged(
        self, lost: Caller, admin: Callable[[str], Any], end: str
    ) -> None:
        """PostgreSQL reports success, with a warning that a failover may lose it, or ends the session."""
        cancel = f"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        timer = threading.Timer(0.3, admin, [cancel])
        timer.start()
        document = rejected(lost.create("unconfirmed"), 503, "SERVICE_UNAVAILABLE")
        timer.join()
        assert document["retryable"] is False
        assert "The service may have applied the change" in document["detail"]
        assert "unconfirmed" in lost.titles()


class TestReads:
    def test_they_still_work(self, lost: Caller, served: Flask, pool: BoundedPool) -> None:
        """Before, during and after the timeouts of the writers, no read waits or fails."""
        is_over, reader = threading.Event(), Caller(served.test_client(), lost.credentials)

        def write(at: int) -> None:
            writer = Caller(served.test_client(), lost.credentials)
            while not is_over.is_set():
                assert create(writer, f"w{at}").status_code in {503, 504}
                time.sleep(0.05)

        writers = [threading.Thread(target=write, args=(at,)) for at in range(6)]
        for each in writers:
            each.start()
        until, statuses = time.monotonic() + 2, []
        while time.monotonic() < until:
            statuses.append(reader.list_tasks().status_code)
        is_over.set()
        for each in writers:
            each.join()
        assert set(statuses) == {200}
        assert pool.breaker is not None
        assert pool.breaker.state() is State.CLOSED


class TestCommit:
    def test_it_is_not_interrupted(
        self, lost: Caller, served: Flask, admin: Callable[[str], Any], heal: Callable[[], None]
    ) -> None:
        """Neither by a disconnected caller nor by the deadline: the connection stays open."""
        limit = deadline.Deadline.after(timedelta(seconds=3))
        ended: list[BaseException] = []

        def commit() -> None:
            token = deadline.current.set(limit)
            try:
                with served.app_context():
                    engine: Engine = db.engine
                    with engine.begin() as connection:
                        connection.exec_driver_sql("UPDATE tasks SET version = version + 1")
            except Exception as error:
                ended.append(error)
            finally:
                deadline.current.reset(token)

        thread = threading.Thread(target=commit)
        thread.start()
        until = time.monotonic() + 2
        while not admin(WAITING):
            assert time.monotonic() < until
            time.sleep(0.01)
        limit.cut()
        time.sleep(0.2)
        assert admin(WAITING) == 1
        thread.join()
        assert admin(WAITING) == 1
        assert [type(each).__name__ for each in ended] == ["DeadlineExceeded"]
        heal()

    def test_a_commit_without_a_thread_to_wait_for_it_releases_its_place(
        self, lost: Caller, pool: BoundedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process cannot start more threads: the connection is closed instead, and the outcome stays unknown."""
        start = threading.Thread.start

        def reject(thread: threading.Thread) -> None:
            if thread.name == "settle":
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", reject)
        for title in "abc":
            document = rejected(create(lost, title), 504, "DEADLINE_EXCEEDED")
            assert "The service may have applied the change" in document["detail"]
        assert (pool.writer_limit.unsettled, pool.checkedout()) == (0, 0)

    def test_without_time_left_no_commit_is_sent(
        self, lost: Caller, served: Flask, admin: Callable[[str], Any]
    ) -> None:
        with served.app_context():
            connection = db.engine.connect()
            connection.exec_driver_sql("UPDATE tasks SET version = version + 1")
            token = deadline.current.set(deadline.Deadline(timedelta(seconds=1), at=0))
            try:
                with pytest.raises(DeadlineExceeded, match="database"):
                    connection.commit()
            finally:
                deadline.current.reset(token)
                connection.close()
        assert admin(WAITING) == 0


class TestVisibility:
    def test_readiness_names_the_writes_and_stays_200(
        self, lost: Caller, served: Flask, heal: Callable[[], None]
    ) -> None:
        """All instances are affected, and reads work."""
        assert "writes" not in answered(lost.get("/readyz"))["checks"]
        rejected(create(lost, "waits"), 504, "DEADLINE_EXCEEDED")
        time.sleep(2.1)
        assert answered(lost.get("/readyz"))["checks"]["writes"] == "failed"
        heal()
        time.sleep(1.1)
        assert "writes" not in answered(lost.get("/readyz"))["checks"]

    def test_a_gauge_counts_the_commits_that_wait(self, lost: Caller, heal: Callable[[], None]) -> None:
        for expected in (1, 2):
            rejected(create(lost, f"waits {expected}"), 504, "DEADLINE_EXCEEDED")
            assert metrics.COMMITS_UNSETTLED._value.get() == expected
        heal()
        assert metrics.COMMITS_UNSETTLED._value.get() == 0
