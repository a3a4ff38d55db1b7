"""Other database sessions, which observe waiting statements and make them wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text

from app.config import Settings


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """Yield the connection of another session."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Make another session lock the tasks."""
    engine = create_engine(settings.database_url)
    with engine.connect() as blocker:
        blocker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()


def waiting(other_session: Connection) -> int:
    """Return the number of statements that wait for a lock."""
    question = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'candor'"
        " AND wait_event_type = 'Lock'"
    )
    return int(other_session.execute(text(question)).scalar_one())
