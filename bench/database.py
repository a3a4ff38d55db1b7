"""A separate PostgreSQL for the benchmark, with tasks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from bench import processes
from deploy.local import embedded_postgres

ROOT: Final = Path(__file__).resolve().parent.parent
HOME: Final = ROOT / ".local" / "bench"
FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}
"""The disk is not measured. Without autovacuum, no background work runs during a measurement."""
OWNERS: Final = 100
READER: Final = "owner-1"
"""Owns a hundredth of all tasks; its lists are read."""
WRITER: Final = "writer"
"""Owns the rows that the benchmark creates, which are deleted after each round."""
INDEXES: Final = (
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
    "WHERE indrelid = 'tasks'::regclass AND NOT indisprimary"
)
FILL: Final = (
    "INSERT INTO tasks SELECT md5(n::text)::uuid, 'Task ' || n, "
    "CASE WHEN n % 2 = 0 THEN 'Two litres, for the weekend, and something for those who come on Sunday' END, "
    "1 + n % 4, 1 + n / 4 % 4, "
    "CASE WHEN n % 3 > 0 THEN timestamptz '2099-01-01 00:00Z' + n * interval '7 minutes' END, "
    "timestamptz '2026-01-01 00:00:00.123456Z' + n * interval '1 second', "
    "timestamptz '2026-01-02 00:00:00.654321Z' + n * interval '1 second', "
    "'owner-' || n % {owners}, "
    "CASE n % 3 WHEN 0 THEN '{{}}'::text[] WHEN 1 THEN '{{home}}' ELSE '{{home,errands}}' END, 1 "
    "FROM generate_series({first}, {last}) AS n"
)


@contextmanager
def database() -> Iterator[str]:
    """Start PostgreSQL apart from the core of the servers, and yield the URL of an empty, migrated database."""
    with (
        processes.running_on(processes.OTHER_CORES),
        embedded_postgres.running(HOME / "postgres", settings=FAST, disposable=True) as url,
    ):
        plain = url.replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        environment = os.environ | {
            "APP_ENV": "development",
            "DATABASE_URL": url,
            "METRICS_PORT": "0",
            "LOG_LEVEL": "WARNING",
        }
        migrate = [sys.executable, "-m", "flask", "db", "upgrade"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 -- candor
        yield plain


def pid() -> int:
    """Return the process of the server that runs."""
    return int((HOME / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def fill(url: str, rows: int, *, first: int = 1, owners: int = OWNERS) -> None:
    """Add tasks number ``first`` to ``rows``, and update the planner's statistics."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.format(first=first, last=rows, owners=owners).encode())
        connection.execute("VACUUM ANALYZE tasks")


def fill_without_indexes(url: str, rows: int, *, first: int) -> None:
    """Add tasks of one owner as ``fill`` does. The indexes are created afterwards, in a tenth of the time."""
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute(FILL.format(first=first, last=rows, owners=1).encode())
        connection.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("VACUUM ANALYZE tasks")


def ids(url: str, owner: str, *, at_most: int = 1000) -> list[str]:
    """Return ids of an owner's tasks."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT id FROM tasks WHERE created_by = %s LIMIT %s", (owner, at_most)).fetchall()
    return [str(each) for (each,) in found]


def tidy(url: str) -> None:
    """Delete created rows, and vacuum the table."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM tasks WHERE created_by = %s", (WRITER,))
        connection.execute("VACUUM ANALYZE tasks")


def run(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement, and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode(), values or None)
        return done.fetchall() if done.description else []
