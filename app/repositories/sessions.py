"""Refresh tokens by digest."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errs.sessions import InvalidCredentials
from app.models.sessions import RefreshToken
from app.models.users import User, UserView

REAPED: Final = 10
"""Expired tokens deleted with each new one, so that they go faster than they come and no job is needed."""


class SessionRepository:
    """The refresh tokens of all sessions, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> None:
        """Add the first token of a session, and delete a few that have expired.

        Raises:
            InvalidCredentials: the user's password was changed meanwhile, or the user disabled or deleted.
        """
        unchanged = select(User.id).where(
            User.id == user.id, User.password_hash == user.password_hash, User.is_disabled.is_(False)
        )
        if self._session.scalar(unchanged.with_for_update(read=True)) is None:
            raise InvalidCredentials
        self._session.add(token)
        self._session.flush()
        expired = select(RefreshToken.id).where(RefreshToken.expire_time <= now).limit(REAPED)
        self._session.execute(
            delete(RefreshToken).where(RefreshToken.id.in_(expired.with_for_update(skip_locked=True)))
        )
