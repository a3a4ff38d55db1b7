"""Schema changes while the service runs, and prepared statements that vanish: clients are unaffected."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import text

from app.config import Settings
from app.extensions import db
from app.repositories.stale_plans import SENT_BY
from tests.api.caller import Caller, answered, at_once, path_of
from tests.schema_changes import CHANGES, changed
from tests.scrape import growth

pytestmark = pytest.mark.slow

PREPARED = 8
"""The number of repetitions after which psycopg prepares a statement."""


def use(caller: Caller, turn: str) -> None:
    """Send requests that read and write tasks; every response is a success."""
    task = answered(caller.create(f"created {turn}"), 201)
    keyed = caller.post(json={"task": {"title": f"keyed {turn}"}}, headers={"Idempotency-Key": f"key-{turn}-1"})
    answered(keyed, 201)
    answered(caller.batch({"title": f"one of {turn}"}))
    path = path_of(task)
    answered(caller.get(path))
    answered(caller.list_tasks())
    answered(caller.list_tasks(filter="status = STATUS_PENDING", order_by="title"))
    answered(caller.patch(path, json={"title": f"changed {turn}"}))
    answered(caller.delete(path))


@pytest.fixture
def prepared(alice: Caller) -> Caller:
    """Return a caller whose statements are all prepared."""
    for turn in range(PREPARED):
        use(alice, f"before {turn}")
    return alice


class TestChangedSchema:
    @pytest.mark.parametrize("name", CHANGES)
    def test_no_request_fails(self, prepared: Caller, settings: Settings, name: str) -> None:
        with changed(settings, name):
            for turn in range(PREPARED):
                use(prepared, f"meanwhile {turn}")
        use(prepared, "afterwards")

    def test_nor_do_concurrent_requests_on_every_connection_fail(self, prepared: Caller, settings: Settings) -> None:
        path = path_of(prepared.task())
        for _ in range(2):
            at_once(64, lambda _: answered(prepared.get(path)), threads=4)
        with growth("db_retries_total", sqlstate="0A000") as renewed, changed(settings, "widened"):
            assert {at.status_code for at in at_once(64, lambda _: prepared.get(path), threads=4)} == {200}
        assert renewed.by >= 1


class TestSessionsOutsideOfUnits:
    """A view that uses ``db.session`` itself."""

    def test_the_first_statement_is_retried(self, app: Flask, settings: Settings, alice: Caller) -> None:
        alice.task("a")
        read = text("SELECT version FROM tasks")
        with app.app_context():
            for _ in range(PREPARED):
                assert db.session.execute(read).scalar_one() == 1
                db.session.rollback()
            with growth("db_retries_total", sqlstate="0A000") as renewed, changed(settings, "widened"):
                assert db.session.execute(read).scalar_one() == 1
                db.session.rollback()
        assert renewed.by == 1


class TestPoolers:
    """A pooler in transaction mode: each transaction gets another session, or a session after a reset."""

    @pytest.fixture(params=["DISCARD ALL", "DEALLOCATE ALL"])
    def pooled(self, request: pytest.FixtureRequest, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Change the session before each transaction, without the knowledge of psycopg."""
        with app.app_context():
            engine = db.engine

        def through_a_pooler(send: Callable[..., None]) -> Callable[..., None]:
            def sent(cursor: Any, *arguments: Any, **options: Any) -> None:
                if cursor.connection.pgconn.transaction_status == TransactionStatus.IDLE:
                    cursor.connection.pgconn.exec_(request.param.encode())
                send(cursor, *arguments, **options)

            return sent

        for name in SENT_BY:
            monkeypatch.setattr(engine.dialect, name, through_a_pooler(getattr(engine.dialect, name)))
        yield
        engine.dispose()

    @pytest.mark.usefixtures("pooled")
    def test_no_request_fails(self, alice: Caller) -> None:
        with growth("db_retries_total") as retries:
            for turn in range(2 * PREPARED):
                use(alice, f"pooled {turn}")
        assert 1 <= retries.by <= 2 * 5, "each connection stops preparing after one failure"
