"""Sessions and revoked tokens. A session starts with a login. It is a chain of single-use refresh tokens.

Only the last refresh token of the chain is valid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base
from app.models.token_lifetimes import ACCESS_LIFETIME, REFRESH_LIFETIME

GRACE: Final = timedelta(seconds=60)
"""How long after its use a client may send a refresh token again, because it has not received the response."""
MAX_REFRESHES: Final = 30
"""The maximum number of refreshes of a session within ``REFRESH_WINDOW``. A client needs only one in this time."""
REFRESH_WINDOW: Final = ACCESS_LIFETIME


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """The IDs of an access token and of its session (``None`` without one), and the token's expiry."""

    id: str
    session_id: str | None
    expire_time: datetime


class RefreshToken(Base):
    """A refresh token. Its ``id`` and ``session_id`` are ``jti`` and ``sid`` of the access token issued with it."""

    __tablename__ = "refresh_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    create_time: Mapped[datetime]
    use_time: Mapped[datetime | None]
    supersede_time: Mapped[datetime | None]
    """When another successor of its predecessor replaced it, because the client had not received this one."""
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("uq_refresh_tokens_digest", "digest", unique=True),
        Index("ix_refresh_tokens_session_id_create_time", "session_id", "create_time"),
        Index("ix_refresh_tokens_user_id", "user_id"),
        Index("ix_refresh_tokens_expire_time", "expire_time"),
    )

    @classmethod
    def first(cls, user_id: UUID, *, digest: bytes, at: datetime) -> "RefreshToken":
        """Return the first token of a new session."""
        return cls(
            id=uuid4(),
            session_id=uuid4(),
            user_id=user_id,
            digest=digest,
            create_time=at,
            use_time=None,
            supersede_time=None,
            expire_time=at + REFRESH_LIFETIME,
        )

    def rotate(self, *, digest: bytes, at: datetime) -> "RefreshToken":
        """Use this token, for the first time or again, and return its successor.

        The times of a session's tokens define their order, but the clocks of instances differ. The times of a successor
        are therefore always set later than those of its predecessor.
        """
        at = max(at, self.create_time + timedelta.resolution, self.use_time or at)
        self.use_time = self.use_time or at
        following = RefreshToken.first(self.user_id, digest=digest, at=at)
        following.session_id = self.session_id
        return following

    def may_be_repeated(self, at: datetime) -> bool:
        """Return whether the token was used so recently that the response may have been lost."""
        return self.supersede_time is None and self.use_time is not None and at - self.use_time <= GRACE

    @property
    def replace_time(self) -> datetime | None:
        """Return when another token replaced this one; ``None`` if none has."""
        return self.supersede_time or self.use_time


class IssuedToken(Base):
    """An access token that was issued for a user without a session. Its ``id`` is the ``jti``."""

    __tablename__ = "issued_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("ix_issued_tokens_user_id", "user_id"),
        Index("ix_issued_tokens_expire_time", "expire_time"),
    )


class RevokedToken(Base):
    """A revoked session (by ``sid``), or a revoked access token without a session (by ``jti``).

    The row is kept while one of the revoked access tokens could still be valid.
    """

    __tablename__ = "revoked_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    expire_time: Mapped[datetime]
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    """The ID of the transaction that revoked it. The list is read incrementally in the order of these IDs."""
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """The order within a transaction. It is also the order of the rows on disk."""

    __table_args__ = (
        Index("ix_revoked_tokens_expire_time", "expire_time"),
        Index("ix_revoked_tokens_xid_seq", "xid", "seq"),
    )
