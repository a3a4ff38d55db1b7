"""The migrations of this repository's history. ``make init`` deletes this file together with them."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import flask_migrate
import pytest
from flask import Flask

from app.config import ROOT
from app.extensions import db

pytestmark = pytest.mark.slow


def revision_of(name: str) -> str:
    """Return the revision of the migration with this name."""
    (path,) = (ROOT / "migrations" / "versions").glob(f"*_{name}.py")
    return path.name.partition("_")[0]


COLUMNS: Final = revision_of("revocations")
"""Adds columns; later migrations create their indexes."""


def test_rows_are_written_while_indexes_are_made(bare: Flask) -> None:
    """A transaction that takes longer than ``lock_timeout`` delays the migration; no write fails."""
    flask_migrate.upgrade(revision=COLUMNS)
    row = "INSERT INTO revoked_tokens (id, expire_time) VALUES ('{}', now())"
    with ThreadPoolExecutor(1) as pool, db.engine.connect() as open_one:
        open_one.exec_driver_sql(row.format("a"))

        def upgrade() -> None:
            with bare.app_context():
                flask_migrate.upgrade()

        upgrading = pool.submit(upgrade)
        time.sleep(2)
        assert not upgrading.done()
        with db.engine.begin() as writer:
            writer.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
            writer.exec_driver_sql(row.format("b"))
        open_one.commit()
        upgrading.result(30)
    flask_migrate.check()


def test_an_index_that_was_not_finished_is_made_again(bare: Flask) -> None:
    """PostgreSQL leaves an invalid index when ``CREATE INDEX CONCURRENTLY`` is interrupted."""
    flask_migrate.upgrade(revision=COLUMNS)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX ix_idempotency_keys_owner ON idempotency_keys (scope)")
    flask_migrate.upgrade()
    flask_migrate.check()
