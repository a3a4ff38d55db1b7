"""Failed requests: the log entry of each, stored under its request ID."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base


@dataclass(frozen=True, slots=True)
class FailureCount:
    """The failed requests of one operation with one error code."""

    code: str | None
    method: str | None
    route: str | None
    count: int
    newest_at: datetime
    newest_request_id: str


class Failure(Base):
    """One failed request. Callers can choose request IDs, therefore several requests may have the same ID."""

    __tablename__ = "failures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[str] = mapped_column(Text)
    trace_id: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The fields of the log entry."""

    __table_args__ = (Index("ix_failures_request_id", "request_id"), Index("ix_failures_at", "at"))
