"""Readiness checks of the database: it is writable, and this code runs on its schema.

This is the schema that the code was written for, or a newer one whose migrations declare compatibility with this code.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import column, func, select, table

from app import errs
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement, ReadConnection

READ_ONLY: Final = CompiledStatement(select(func.current_setting("transaction_read_only")))
IS_MIGRATED: Final = CompiledStatement(select(func.to_regclass("alembic_version").is_not(None)))
REVISIONS: Final = CompiledStatement(select(column("version_num")).select_from(table("alembic_version")))
COMPATIBILITY: Final = CompiledStatement(select(func.obj_description(func.to_regclass("alembic_version"), "pg_class")))
ACTIVITY: Final = table("pg_stat_activity", column("wait_event"), column("state_change"))
UNREPLICATED: Final = CompiledStatement(
    select(func.count())
    .select_from(ACTIVITY)
    .where(ACTIVITY.c.wait_event == "SyncRep", ACTIVITY.c.state_change < func.clock_timestamp() - timedelta(seconds=1))
)
"""Counts the COMMITs of this role, of all instances, that have waited for a synchronous standby for a second."""
STORED: Final = "compatible_since={oldest} at={revision}"
"""The comment on the table ``alembic_version``. ``flask db upgrade`` stores in it the oldest compatible revision."""
COMMENT: Final = re.compile(
    STORED.format(oldest="(?P<oldest>[0-9]{1,18})", revision="(?P<revisions>[0-9]{1,18}(?:, [0-9]{1,18})*)")
)
MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations" / "versions"


def expected_head(versions: Path = MIGRATIONS) -> str | None:
    """Return the revision of the newest migration, from the numbers that file names begin with."""
    names = sorted(path.stem for path in versions.glob("[0-9]*.py"))
    return names[-1].partition("_")[0] if names else None


def is_compatible(found: Sequence[str], comment: str | None, *, head: str) -> bool:
    """Return whether code that was written for ``head`` runs on a schema at later revisions.

    There are several while a merge revision of Alembic is not applied yet.

    Args:
        found: the revisions of the schema.
        comment: the comment on ``alembic_version``.
        head: the newest revision that the code contains.
    """
    stored = COMMENT.fullmatch(comment or "")
    if stored is None or sorted(found) != stored["revisions"].split(", ") or not (head.isascii() and head.isdigit()):
        return False
    others = [int(each) for each in found if each != head]
    return int(stored["oldest"]) <= int(head) and bool(others) and (head in found or int(head) < max(others))


class DatabaseChecks:
    """The checks of ``/readyz`` by name. Each returns whether it passes, or raises an error."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._head = expected_head()

    def all(self) -> dict[str, Callable[[], bool]]:
        """Return the checks by name."""
        return {"database": self._is_writable, "migrations": lambda: self._reads.run(self._at_head)}

    def are_writes_replicated(self) -> bool:
        """Return whether no COMMIT waits for a synchronous standby. All instances share this condition.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        return bool(self._reads.value(UNREPLICATED) == 0)

    def _is_writable(self) -> bool:
        if self._reads.value(READ_ONLY) != "off":
            self._reads.redial()
            raise _not_ready("the database is read-only: transaction_read_only is on")
        return True

    def _at_head(self, connection: ReadConnection) -> bool:
        found: list[str] = []
        if connection.value(IS_MIGRATED):
            found += (row.version_num for row in connection.all(REVISIONS))
        if found != [self._head] and not self._runs_on(found, connection):
            raise _not_ready(
                f"the schema is at {', '.join(found) or 'no migration'}, this code is written for {self._head}"
            )
        return True

    def _runs_on(self, found: Sequence[str], connection: ReadConnection) -> bool:
        """Return whether a newer release has migrated the schema, and this code is still compatible."""
        if not found or self._head is None:
            return False
        return is_compatible(found, connection.value(COMPATIBILITY), head=self._head)


def _not_ready(detail: str) -> errs.Error:
    return errs.E(kind=errs.Kind.UNAVAILABLE, detail=detail)
