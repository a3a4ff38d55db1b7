"""Logger settings: the minimum level, and whether stack traces are logged."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base, SmallEnum


class Level(IntEnum):
    """The severity of a log entry; the numbers are those of Python's logging."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class LoggerSettings:
    """The settings that can be changed at run time."""

    level: Level
    log_error_stack: bool


ONLY_ID: Final = 1


class StoredLoggerSettings(Base):
    """The settings that were requested last, and by which user. The table has one row, or none before the first."""

    __tablename__ = "logger"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    level: Mapped[Level] = mapped_column(SmallEnum(Level))
    log_error_stack: Mapped[bool]
    update_time: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (CheckConstraint(f"id = {ONLY_ID}", name="one"),)
