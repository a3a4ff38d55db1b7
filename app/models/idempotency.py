"""Stored responses of successful creations, for replay by Idempotency-Key."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base


class StoredResponse(Base):
    """The response to the first request with an Idempotency-Key, stored in the transaction of the creation."""

    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    expire_time: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(Text)
    """The caller; ``None`` for responses that were stored before this column existed."""

    __table_args__ = (
        Index("ix_idempotency_keys_expire_time", "expire_time"),
        Index("ix_idempotency_keys_owner", "owner"),
    )
