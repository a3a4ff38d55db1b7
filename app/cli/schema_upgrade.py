"""``flask db upgrade``, made safe: one process at a time, and harmless if the schema is newer than the release.

Each migration declares ``compatible_since``: the oldest revision whose code runs on the schema that it leaves. Older
code can't read a newer migration's file. Therefore the newest of the limits that were applied is stored in the
database, as a comment on ``alembic_version``; ``/readyz`` reads it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app import product
from app.repositories.readiness import COMPATIBILITY, STORED, is_compatible

CHANGING: Final = frozenset({"upgrade", "downgrade", "do_stamp"})
"""Commands that change the database, by the names of Alembic's functions."""
LOCK: Final = 7_235_120
"""The advisory lock of a process that migrates."""
POLL: Final = 0.2
"""Seconds between two attempts to take it."""
TRY_LOCK: Final = text("SELECT pg_try_advisory_lock(:key)")
UNLOCK: Final = text("SELECT pg_advisory_unlock(:key)")
_LOG: Final = product.logger("migrations")


@contextmanager
def locked(connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Wait until no other process migrates this database, however long it takes.

    The function polls. A statement that waits for a lock holds a snapshot, and ``CREATE INDEX CONCURRENTLY`` of the
    other process would wait for that snapshot.
    """
    has_waited = False
    while not _is_taken(connection):
        if not has_waited:
            _LOG.info("another process migrates this database; waiting for it")
        has_waited = True
        sleep(POLL)
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(UNLOCK, {"key": LOCK})
            connection.commit()


def _is_taken(connection: Connection) -> bool:
    taken = bool(connection.execute(TRY_LOCK, {"key": LOCK}).scalar_one())
    connection.commit()  # the lock belongs to the session; an open transaction would block other sessions
    return taken


def compatible_since(script: ScriptDirectory, revisions: Iterable[str]) -> str | None:
    """Return the oldest revision whose code runs on the schema at these revisions; ``None`` if there is no migration.

    A migration without a declaration runs with its own code only.
    """
    line = [each for head in revisions for each in script.iterate_revisions(head, "base")]
    return max((getattr(each.module, "compatible_since", each.revision) for each in line), default=None)


def store_compatibility(*, ctx: MigrationContext, heads: Iterable[str], **_: Any) -> None:
    """Store ``compatible_since`` after each migration, in its transaction: an ``on_version_apply`` of Alembic."""
    if ctx.as_sql or ctx.connection is None or ctx.script is None:
        return
    line = [*heads]
    if len(line) > 1:  # a merge revision follows, which states whether the code before both lines runs on them
        line += ctx.script.get_heads()
    oldest = compatible_since(ctx.script, line)
    comment = "NULL" if oldest is None else f"'{STORED.format(oldest=oldest, revision=', '.join(sorted(heads)))}'"
    ctx.connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS {comment}")


def is_ahead(connection: Connection, script: ScriptDirectory) -> bool:
    """Return true if a newer, compatible release has migrated this database.

    Raises:
        SystemExit: the database is at a revision that this code does not know and does not run on.
    """
    found = MigrationContext.configure(connection).get_current_heads()
    known = {each.revision for each in script.walk_revisions()}
    if set(found) <= known:
        return False
    head, comment = script.get_current_head(), connection.execute(COMPATIBILITY.statement).scalar_one()
    connection.commit()
    if head is None or not is_compatible(found, comment, head=head):
        unknown = ", ".join(sorted(set(found) - known))
        raise SystemExit(
            f"{product.SLUG}: the schema is at {unknown}, which this release does not know,"
            f" and it is not declared compatible with {head}:"
            " run a newer release, or downgrade with the release that made it"
        )
    _LOG.info("the schema is at %s, newer than this release, which runs on it: nothing to do", ", ".join(found))
    return True
