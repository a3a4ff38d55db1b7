"""A stored answer: what a finished creation said, kept for whoever repeats it."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class StoredAnswer(Base):
    """The answer to the first request with an Idempotency-Key, in the transaction of its effect."""

    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    expire_time: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(Text)
    """The caller; ``None`` of answers that were stored before there was this column."""

    __table_args__ = (
        Index("ix_idempotency_keys_expire_time", "expire_time"),
        Index("ix_idempotency_keys_owner", "owner"),
    )
