"""Refresh tokens by digest, and the access tokens that are revoked before their time."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.errs.sessions import InvalidCredentials
from app.errs.users import UserNotFound
from app.models.sessions import ACCESS, IssuedToken, RefreshToken, RevokedToken
from app.models.users import User, UserView
from app.repositories.prepared import Prepared
from app.repositories.reads import Reads

REAPED: Final = 10
"""Expired tokens deleted with each new one, so that they go faster than they come and no job is needed."""
KEPT_ON: Final = timedelta(minutes=1)
"""How much longer a revocation is kept than its token is good for: clocks differ."""
REVOKED: Final = Prepared(select(RevokedToken.id).where(RevokedToken.expire_time > func.now()))


class RevokedTokenReads:
    """Reads what is revoked."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def all(self) -> frozenset[str]:
        """Return the ids of all tokens that are revoked and would be good otherwise."""
        return frozenset(row.id for row in self._reads.all(REVOKED))


class SessionRepository:
    """The refresh tokens of all sessions, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> list[str]:
        """Add the first token of a session, and return what the user may do by now.

        Raises:
            InvalidCredentials: the user's password was changed meanwhile, or the user disabled or deleted.
        """
        unchanged = select(User.scopes).where(
            User.id == user.id, User.password_hash == user.password_hash, User.is_disabled.is_(False)
        )
        scopes = self._session.scalar(unchanged.with_for_update(read=True))
        if scopes is None:
            raise InvalidCredentials
        self.add(token, now=now)
        return scopes

    def add(self, token: RefreshToken, *, now: datetime) -> None:
        """Add the token, and delete a few that have expired."""
        self._session.add(token)
        self._session.flush()
        expired = select(RefreshToken.id).where(RefreshToken.expire_time <= now).limit(REAPED)
        self._session.execute(
            delete(RefreshToken).where(RefreshToken.id.in_(expired.with_for_update(skip_locked=True)))
        )

    def take(self, digest: bytes, *, now: datetime) -> tuple[RefreshToken, User] | None:
        """Return the token and its user, both kept from others until the unit ends; ``None`` when it is not known.

        The user comes first, as everywhere, so that nobody waits for one who waits.
        """
        whose = select(RefreshToken.user_id).where(RefreshToken.digest == digest, RefreshToken.expire_time > now)
        user = self._session.scalar(select(User).where(User.id.in_(whose)).with_for_update(read=True))
        token = self._session.scalar(select(RefreshToken).where(RefreshToken.digest == digest).with_for_update())
        return None if user is None or token is None else (token, user)

    def has_gone_on(self, used: RefreshToken) -> bool:
        """Tell whether the token that took the place of a used one has been used as well."""
        later = select(RefreshToken.id).where(
            RefreshToken.session_id == used.session_id,
            RefreshToken.create_time >= used.use_time,
            RefreshToken.use_time.is_not(None),
        )
        return self._session.scalar(later.limit(1)) is not None

    def end(self, session_id: UUID, *, now: datetime) -> None:
        """End a session: none of its tokens is good any more."""
        self._end(RefreshToken.session_id == session_id, now)

    def end_all(self, user_id: UUID, *, now: datetime) -> None:
        """End all sessions of a user, and what was issued without one."""
        self._end(RefreshToken.user_id == user_id, now)
        self._revoke_issued(user_id)

    def end_with(self, digest: bytes, token_id: str | None, *, now: datetime) -> None:
        """End the session that a refresh token, or an access token by its id, belongs to, if there is one."""
        holds = RefreshToken.digest == digest
        if token_id is not None:
            holds |= cast(RefreshToken.id, Text) == token_id
        session_id = self._session.scalar(select(RefreshToken.session_id).where(holds))
        if session_id is not None:
            self.end(session_id, now=now)

    def revoke(self, token_id: str, *, until: datetime) -> None:
        """Revoke one access token."""
        self._session.execute(
            insert(RevokedToken).values(id=token_id, expire_time=until + KEPT_ON).on_conflict_do_nothing()
        )

    def revoke_access(self, user_id: UUID, *, now: datetime) -> None:
        """Revoke the user's access tokens; with the refresh tokens one gets others."""
        self._revoke(RefreshToken.user_id == user_id, now)
        self._revoke_issued(user_id)

    def note(self, token: IssuedToken, *, now: datetime) -> None:
        """Remember a token issued without a session, if it is for a user, and forget a few that have expired.

        Raises:
            UserNotFound: the user is disabled or deleted.
        """
        whose = select(User.is_disabled, User.delete_time).where(User.id == token.user_id).with_for_update(read=True)
        user = self._session.execute(whose).one_or_none()
        if user is None:
            return
        if user.is_disabled or user.delete_time is not None:
            raise UserNotFound
        self._session.add(token)
        self._session.flush()
        expired = select(IssuedToken.id).where(IssuedToken.expire_time <= now).limit(REAPED)
        self._session.execute(delete(IssuedToken).where(IssuedToken.id.in_(expired.with_for_update(skip_locked=True))))

    def _revoke_issued(self, user_id: UUID) -> None:
        issued = select(IssuedToken.id, IssuedToken.expire_time + KEPT_ON).where(IssuedToken.user_id == user_id)
        self._session.execute(insert(RevokedToken).from_select(["id", "expire_time"], issued).on_conflict_do_nothing())
        self._session.execute(delete(IssuedToken).where(IssuedToken.user_id == user_id))

    def _end(self, which: ColumnElement[bool], now: datetime) -> None:
        self._revoke(which, now)
        self._session.execute(delete(RefreshToken).where(which).execution_options(synchronize_session=False))

    def _revoke(self, which: ColumnElement[bool], now: datetime) -> None:
        """Revoke the access tokens issued with these refresh tokens, and delete revocations that are over."""
        issued = select(cast(RefreshToken.id, Text), RefreshToken.create_time + (ACCESS + KEPT_ON)).where(
            which, RefreshToken.create_time > now - ACCESS
        )
        self._session.execute(insert(RevokedToken).from_select(["id", "expire_time"], issued).on_conflict_do_nothing())
        over = select(RevokedToken.id).where(RevokedToken.expire_time <= now - KEPT_ON).limit(10 * REAPED)
        self._session.execute(delete(RevokedToken).where(RevokedToken.id.in_(over.with_for_update(skip_locked=True))))
