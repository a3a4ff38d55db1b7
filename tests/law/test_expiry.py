"""Expired rows are deleted in time, in every table, without any requests."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import TIMESTAMP, Table, insert, select, text, update

from app.extensions import db
from app.models import Base
from app.models.jobs import DEAD_FOR, JobState
from app.repositories.expiry import CLEANING, EXPIRE_TIME, expiring
from app.services import expiry
from tests.conftest import EMPTY

EXPIRY: Final = re.compile(r"expir|valid|until|retain|purge")
"""Names of time columns that mean an expiry."""
AGED: Final = {("failures", "at"): timedelta(days=14), ("jobs", "update_time"): DEAD_FOR}
"""Columns whose rows are deleted at an age."""
TABLES: Final = [table.name for table in expiring()]
NOW: Final = datetime.now(UTC)
USER: Final = uuid4()
ROWS: Final[dict[str, dict[str, Any]]] = {
    "registrations": {"id": uuid4(), "email": "a@example.com", "name": "A", "token_digest": b"1"},
    "password_resets": {"token_digest": b"1", "user_id": USER},
    "refresh_tokens": {"id": uuid4(), "session_id": uuid4(), "user_id": USER, "digest": b"1", "create_time": NOW},
    "issued_tokens": {"id": "1", "user_id": USER},
    "revoked_tokens": {"id": "1"},
    "idempotency_keys": {"scope": "1", "fingerprint": b"1", "status": 201, "headers": {}, "body": b""},
}
"""A row of each table, without its expiry."""
OTHERS: Final[dict[str, dict[str, Any]]] = {
    "failures": {"request_id": "1", "said": {}},
    "jobs": {"kind": "mail.activation", "payload": {}, "state": JobState.DEAD},
}


def table_of(name: str) -> Table:
    """Return a table."""
    return Base.metadata.tables[name]


def count(name: str) -> int:
    """Return the number of rows of a table."""
    with db.engine.connect() as connection:
        return len(connection.execute(select(table_of(name))).all())


def add(name: str, **moment: datetime) -> None:
    """Add a row."""
    row = {**(ROWS | OTHERS)[name], **moment}
    required = {c.name: "" for c in table_of(name).columns if str(c.type) == "TEXT" and not c.nullable}
    with db.engine.begin() as connection:
        connection.execute(insert(table_of(name)).values({**required, **row}))


@pytest.fixture
def app_with_user(app: Flask) -> Iterator[Flask]:
    """Return the application, with a user; the tables are emptied afterwards."""
    with app.app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql(EMPTY)
            row = {"id": USER, "name": "A", "email": "a@example.com", "password_hash": "x", "scopes": []}
            times = {"create_time": NOW, "update_time": NOW, "is_disabled": False, "version": 1}
            connection.execute(insert(table_of("users")).values(**row, **times))
        yield app
        with db.engine.begin() as connection:
            connection.exec_driver_sql(EMPTY)


def left(app: Flask, name: str) -> int:
    """Delete expired rows like the poller, and return the number of rows of a table."""
    app.extensions["app-services"].expiry.clean()
    return count(name)


class TestTables:
    def test_every_expiry_has_the_name_that_is_cleaned(self) -> None:
        faults = [
            f"{table.name}.{column.name} is an expiry, and its rows are never deleted: name it {EXPIRE_TIME}"
            for table in Base.metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, TIMESTAMP) and EXPIRY.search(column.name) and column.name != EXPIRE_TIME
        ]
        assert not faults, "\n".join(faults)

    def test_each_table_with_an_expiry_is_tested(self) -> None:
        assert {*TABLES} == {*ROWS}

    def test_each_table_with_an_expiry_has_an_index(self) -> None:
        for table in expiring():
            assert any(index.columns.keys()[0] == EXPIRE_TIME for index in table.indexes), table.name
        for name, column in AGED:
            assert any(index.columns.keys()[0] == column for index in table_of(name).indexes), name

    def test_dead_jobs_are_found_by_their_index_among_many_waiting_jobs(self, app_with_user: Flask) -> None:
        many = "INSERT INTO jobs (kind, payload) SELECT 'mail.activation', '{}' FROM generate_series(1, 5000)"
        dead = "SELECT id FROM jobs WHERE state = 2 AND update_time <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED"
        with db.engine.begin() as connection:
            connection.exec_driver_sql(many)
            connection.exec_driver_sql("ANALYZE jobs")
            plan = connection.exec_driver_sql(f"EXPLAIN {dead}").scalars().all()
        assert any("ix_jobs_update_time" in each for each in plan), plan


class TestClean:
    @pytest.mark.parametrize("name", TABLES)
    def test_expired_rows_are_deleted(self, app_with_user: Flask, name: str) -> None:
        """The test moves the expiry into the past; rows that are still valid stay."""
        add(name, expire_time=NOW + timedelta(days=1))
        assert left(app_with_user, name) == 1
        with db.engine.begin() as connection:
            connection.execute(update(table_of(name)).values(expire_time=NOW - timedelta(minutes=2)))
        assert left(app_with_user, name) == 0

    @pytest.mark.parametrize(("name", "column"), AGED)
    def test_rows_beyond_their_maximum_age_are_deleted(self, app_with_user: Flask, name: str, column: str) -> None:
        age = AGED[name, column]
        add(name, **{column: NOW - age + timedelta(days=1)})
        assert left(app_with_user, name) == 1
        with db.engine.begin() as connection:
            connection.execute(update(table_of(name)).values({column: NOW - age - timedelta(hours=1)}))
        assert left(app_with_user, name) == 0

    def test_a_waiting_job_is_kept_at_any_age(self, app_with_user: Flask) -> None:
        add("jobs", update_time=NOW - 10 * DEAD_FOR)
        with db.engine.begin() as connection:
            connection.execute(update(table_of("jobs")).values(state=JobState.QUEUED))
        assert left(app_with_user, "jobs") == 1

    def test_any_number_of_rows_is_deleted(self, app_with_user: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(expiry, "BATCH", 10)
        many = text(
            "INSERT INTO revoked_tokens SELECT n::text, now() - interval '1 hour' FROM generate_series(1, 35) n"
        )
        with db.engine.begin() as connection:
            connection.execute(many)
        assert left(app_with_user, "revoked_tokens") == 0

    def test_one_process_deletes_at_a_time(self, app_with_user: Flask) -> None:
        add("revoked_tokens", expire_time=NOW - timedelta(hours=1))
        with db.engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({CLEANING})"))
            assert left(app_with_user, "revoked_tokens") == 1
        assert left(app_with_user, "revoked_tokens") == 0

    def test_locked_rows_are_skipped(self, app_with_user: Flask) -> None:
        add("revoked_tokens", expire_time=NOW - timedelta(hours=1))
        with db.engine.begin() as connection:
            connection.execute(text("SELECT * FROM revoked_tokens FOR UPDATE"))
            assert left(app_with_user, "revoked_tokens") == 1
        assert left(app_with_user, "revoked_tokens") == 0


def test_every_server_and_job_worker_deletes_expired_rows(app: Flask) -> None:
    """A poller does it without a request."""
    assert "expiry" in {poller._name for poller in app.extensions["app-pollers"]}
