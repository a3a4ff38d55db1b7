"""A failed request: what the log said of it, kept for whoever has nothing but its id."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Failure(Base):
    """One occurrence; callers choose ids, so that several requests may bear the same."""

    __tablename__ = "failures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[str] = mapped_column(Text)
    trace_id: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (Index("ix_failures_request_id", "request_id"), Index("ix_failures_at", "at"))
