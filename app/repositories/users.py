"""The collections of users, and of registrations that are not activated yet."""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from app.errs.users import InvalidOneTimeToken, UserNotFound
from app.models.users import DELETED_USER_ID, PasswordReset, PendingUser, Registration, User, UserView, same_address
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

COLUMNS: Final = tuple(User.__table__.columns)
ONE: Final = CompiledStatement(select(*COLUMNS).where(User.id == bindparam("of"), User.delete_time.is_(None)))
BY_EMAIL: Final = CompiledStatement(select(*COLUMNS).where(User.email == bindparam("email")))
HAS_EMAIL: Final = CompiledStatement(select(select(User.id).where(User.email == bindparam("email")).exists()))
PENDING: Final = CompiledStatement(
    select(Registration.name, Registration.email).where(
        Registration.token_digest == bindparam("digest"), Registration.expire_time > bindparam("now")
    )
)
RESETTING: Final = CompiledStatement(
    select(User.name, User.email)
    .join(PasswordReset, PasswordReset.user_id == User.id)
    .where(
        PasswordReset.token_digest == bindparam("digest"),
        PasswordReset.expire_time > bindparam("now"),
        User.is_disabled.is_(False),
    )
)
ALL: Final = CompiledStatement(select(*COLUMNS).where(User.delete_time.is_(None)).order_by(User.create_time, User.id))
DELETED_PER_RUN: Final = 10
"""The number of expired rows that each new one deletes. It is more than one, therefore the tables stay small."""


class UserReads:
    """Reads users as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def find_by_email(self, email: str) -> UserView | None:
        """Return the user with this address."""
        return cast("UserView | None", self._reads.first(BY_EMAIL, email=same_address(email)))

    def has_email(self, email: str) -> bool:
        """Return whether a user has this address. The statement returns one row in both cases."""
        return bool(self._reads.value(HAS_EMAIL, email=same_address(email)))

    def pending(self, token_digest: bytes, *, now: datetime) -> PendingUser:
        """Return the name and address of the registration that a token activates.

        Raises:
            InvalidOneTimeToken: there is no registration with this token, or it has expired.
        """
        row = self._reads.first(PENDING, digest=token_digest, now=now)
        if row is None:
            raise InvalidOneTimeToken
        return cast("PendingUser", row)

    def resetting(self, token_digest: bytes, *, now: datetime) -> PendingUser:
        """Return the name and address of the user whose password a token may set.

        Raises:
            InvalidOneTimeToken: there is no password reset with this token, or it has expired.
        """
        row = self._reads.first(RESETTING, digest=token_digest, now=now)
        if row is None:
            raise InvalidOneTimeToken
        return cast("PendingUser", row)

    def get(self, user_id: UUID) -> UserView:
        """Return the user.

        Raises:
            UserNotFound: there is no user with this ID, or the user was deleted.
        """
        row = self._reads.first(ONE, of=user_id)
        if row is None:
            raise UserNotFound
        return cast("UserView", row)

    def all(self) -> list[UserView]:
        """Return every user, the oldest first."""
        return self._reads.all(ALL)


class UserRepository:
    """Users as entities, inside a unit of work. ``get`` methods lock the user until the unit ends."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, user: User) -> None:
        """Add the user.

        Raises:
            InvalidOneTimeToken: meanwhile another user has this address.
        """
        self._session.add(user)
        self._session.flush()

    def get(self, user_id: UUID) -> User:
        """Return the user.

        Raises:
            UserNotFound: there is no user with this ID, or the user was deleted.
        """
        user = self._session.get(User, user_id, with_for_update=True, populate_existing=True)
        if user is None or user.delete_time is not None:
            raise UserNotFound
        return user

    def get_by_email(self, email: str) -> User:
        """Return the user with this address.

        Raises:
            UserNotFound: there is no such user.
        """
        statement = select(User).where(User.email == same_address(email)).with_for_update()
        user = self._session.scalar(statement.execution_options(populate_existing=True))
        if user is None:
            raise UserNotFound
        return user

    def allow_reset(self, email: str, token_digest: bytes, *, until: datetime, now: datetime) -> bool:
        """Store a password reset for the user with this address; return ``False`` if there is no such user.

        In both cases it writes a row, and deletes a few expired ones.
        """
        whose = select(User.id).where(User.email == same_address(email), User.is_disabled.is_(False)).scalar_subquery()
        row = {"token_digest": token_digest, "user_id": func.coalesce(whose, DELETED_USER_ID), "expire_time": until}
        user_id = self._session.scalar(insert(PasswordReset).values(row).returning(PasswordReset.user_id))
        expired = select(PasswordReset.token_digest).where(PasswordReset.expire_time <= now).limit(DELETED_PER_RUN)
        self._session.execute(
            delete(PasswordReset).where(PasswordReset.token_digest.in_(expired.with_for_update(skip_locked=True)))
        )
        return user_id != DELETED_USER_ID

    def take_reset(self, token_digest: bytes, *, now: datetime) -> User:
        """Return the user whose password the token may set, and delete all password resets of the user.

        Raises:
            InvalidOneTimeToken: there is no password reset with this token, or it has expired.
        """
        allowed = select(PasswordReset.user_id).where(
            PasswordReset.token_digest == token_digest, PasswordReset.expire_time > now
        )
        statement = select(User).where(User.id.in_(allowed), User.is_disabled.is_(False)).with_for_update()
        user = self._session.scalar(statement.execution_options(populate_existing=True))
        if user is None:
            raise InvalidOneTimeToken
        if token_digest not in self.end_resets(user.id):
            raise InvalidOneTimeToken
        return user

    def end_resets(self, user_id: UUID) -> list[bytes]:
        """Delete all password resets of the user, and return the digests of their tokens."""
        ended = delete(PasswordReset).where(PasswordReset.user_id == user_id).returning(PasswordReset.token_digest)
        return [*self._session.scalars(ended)]


class RegistrationRepository:
    """Registrations, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, registration: Registration, *, now: datetime) -> None:
        """Add the registration, and delete a few expired ones."""
        self._session.add(registration)
        self._session.flush()
        expired = select(Registration.id).where(Registration.expire_time <= now).limit(DELETED_PER_RUN)
        self._session.execute(
            delete(Registration).where(Registration.id.in_(expired.with_for_update(skip_locked=True)))
        )

    def take(self, token_digest: bytes, *, now: datetime) -> Registration:
        """Return the registration of a token, and delete all registrations of its address.

        Raises:
            InvalidOneTimeToken: there is no registration with this token, or it has expired.
        """
        statement = select(Registration).where(
            Registration.token_digest == token_digest, Registration.expire_time > now
        )
        registration = self._session.scalar(statement.with_for_update())
        if registration is None:
            raise InvalidOneTimeToken
        self._session.expunge(registration)
        self._session.execute(delete(Registration).where(Registration.email == registration.email))
        return registration
