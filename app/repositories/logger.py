"""The stored logger settings: one row for all instances."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.models.logger import ONLY_ID, LoggerSettings, StoredLoggerSettings
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

SELECT: Final = CompiledStatement(select(StoredLoggerSettings.level, StoredLoggerSettings.log_error_stack))


class LoggerReads:
    """Reads the settings."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def find(self) -> LoggerSettings | None:
        """Return the stored settings; ``None`` if they were never changed."""
        row = self._reads.first(SELECT)
        return None if row is None else LoggerSettings(row.level, row.log_error_stack)


class LoggerRepository:
    """Stores the settings, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, settings: LoggerSettings, *, by: str, at: datetime) -> None:
        """Replace the stored settings."""
        columns = {
            "level": settings.level,
            "log_error_stack": settings.log_error_stack,
            "updated_by": by,
            "update_time": at,
        }
        self._session.execute(
            insert(StoredLoggerSettings)
            .values(id=ONLY_ID, **columns)
            .on_conflict_do_update(index_elements=["id"], set_=columns)
        )
