"""A session begins with logging in. It is a chain of refresh tokens, of which the last is good, and once only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

ACCESS: Final = timedelta(minutes=15)
REFRESH: Final = timedelta(days=30)
GRACE: Final = timedelta(seconds=5)
"""How long after its use a refresh token that comes again may be the other of two requests made at the same time."""


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """Which access token it is, and when it ends by itself."""

    id: str
    expire_time: datetime


class RefreshToken(Base):
    """A refresh token; its ``id`` is the ``jti`` of the access token that was issued with it."""

    __tablename__ = "refresh_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    create_time: Mapped[datetime]
    use_time: Mapped[datetime | None]
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("uq_refresh_tokens_digest", "digest", unique=True),
        Index("ix_refresh_tokens_session_id", "session_id"),
        Index("ix_refresh_tokens_user_id", "user_id"),
        Index("ix_refresh_tokens_expire_time", "expire_time"),
    )

    @classmethod
    def first(cls, user_id: UUID, *, digest: bytes, at: datetime) -> "RefreshToken":
        """Return the token that a session begins with."""
        return cls(
            id=uuid4(),
            session_id=uuid4(),
            user_id=user_id,
            digest=digest,
            create_time=at,
            use_time=None,
            expire_time=at + REFRESH,
        )

    def follow(self, *, digest: bytes, at: datetime) -> "RefreshToken":
        """Use this token, and return the one that takes its place."""
        self.use_time = at
        following = RefreshToken.first(self.user_id, digest=digest, at=at)
        following.session_id = self.session_id
        return following

    def was_used_just_before(self, at: datetime) -> bool:
        """Tell whether it was used so shortly before that nobody need have stolen it."""
        return self.use_time is not None and at - self.use_time <= GRACE


class IssuedToken(Base):
    """An access token that was issued for a user without a session; its ``id`` is the ``jti``."""

    __tablename__ = "issued_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("ix_issued_tokens_user_id", "user_id"),
        Index("ix_issued_tokens_expire_time", "expire_time"),
    )


class RevokedToken(Base):
    """The ``jti`` of an access token that is not to be accepted any more, as long as it would be otherwise."""

    __tablename__ = "revoked_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    expire_time: Mapped[datetime]

    __table_args__ = (Index("ix_revoked_tokens_expire_time", "expire_time"),)
