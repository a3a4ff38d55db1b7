"""What is logged: the least severe level, and whether stacks are."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, SmallEnum


class Level(IntEnum):
    """How severe a line is; the numbers are those of Python's logging."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class LoggerSettings:
    """What can be changed while the service runs."""

    level: Level
    log_error_stack: bool


ONLY_ID: Final = 1


class StoredLoggerSettings(Base):
    """What was asked for last, by whom; there is one row, or none as long as nobody asked."""

    __tablename__ = "logger"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    level: Mapped[Level] = mapped_column(SmallEnum(Level))
    log_error_stack: Mapped[bool]
    update_time: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (CheckConstraint(f"id = {ONLY_ID}", name="one"),)
