"""Logging in, and staying so."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from app.errs import raises
from app.errs.platform import RateLimitExceeded
from app.errs.sessions import InvalidCredentials
from app.errs.users import UserNotFound
from app.models import secrets
from app.models.sessions import ACCESS, IssuedToken, RefreshToken, TokenIdentity
from app.models.users import NOBODY, User, UserView, same_address, user_id_of
from app.resilience.attempts import Attempts
from app.resilience.clock import Clock
from app.resilience.transaction import transaction


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody sends to log in: any two texts."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What comes of logging in; ``expires_in`` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 -- not a password
    expires_in: int = round(ACCESS.total_seconds())


class Verifier(Protocol):
    """See ``app.models.passwords``."""

    def verify(self, kept: str | None, password: str) -> bool: ...  # noqa: D102


class Issuer(Protocol):
    """See ``app.services.tokens``."""

    def issue(  # noqa: D102
        self, subject: str, *, scopes: Collection[str], lifetime: timedelta, token_id: str
    ) -> str: ...
    def identify(self, token: str) -> TokenIdentity | None: ...  # noqa: D102


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def find_by_email(self, email: str) -> UserView | None: ...  # noqa: D102


class SessionCollection(Protocol):
    """Refresh tokens; see ``app.repositories.sessions``."""

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> list[str]: ...  # noqa: D102
    def add(self, token: RefreshToken, *, now: datetime) -> None: ...  # noqa: D102
    def take(self, digest: bytes, *, now: datetime) -> tuple[RefreshToken, User] | None: ...  # noqa: D102
    def has_gone_on(self, used: RefreshToken) -> bool: ...  # noqa: D102
    def note(self, token: IssuedToken, *, now: datetime) -> None: ...  # noqa: D102
    def end(self, session_id: UUID, *, now: datetime) -> None: ...  # noqa: D102
    def end_with(self, digest: bytes, token_id: str | None, *, now: datetime) -> None: ...  # noqa: D102
    def revoke(self, token_id: str, *, until: datetime) -> None: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def sessions(self) -> SessionCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class SessionService:
    """The use cases of sessions."""

    def __init__(
        self,
        *,
        users: UserReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        passwords: Verifier,
        issuer: Issuer,
        attempts: Attempts,
        clock: Clock,
    ) -> None:
        self._users = users
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._issuer = issuer
        self._attempts = attempts
        self._clock = clock

    @raises(InvalidCredentials, RateLimitExceeded)
    def log_in(self, sent: Credentials) -> Tokens:
        """Begin a session.

        Whatever is wrong, the same is computed and the same is said: one look for the user, one verification.
        """
        user = self._users.find_by_email(sent.email)
        kept = user.password_hash if user else None
        self._attempts.count(same_address(sent.email), kept)
        is_right = self._passwords.verify(kept, sent.password)
        if user is None or not is_right or user.is_disabled:
            raise InvalidCredentials
        return self._begin(user)

    @transaction
    def _begin(self, user: UserView) -> Tokens:
        minted, now = secrets.mint(), self._clock.now()
        token = RefreshToken.first(user.id, digest=minted.digest, at=now)
        with self._unit_of_work() as unit:
            scopes = unit.sessions.begin(token, user, now=now)
            unit.commit()
        return self._tokens(token, scopes, minted.secret)

    @raises(InvalidCredentials)
    def refresh(self, refresh_token: str) -> Tokens:
        """Go on with a session: each refresh token is good once, and gets another.

        Whoever comes with a used one is a thief, or was robbed: the session ends. Unless it was used a moment ago, and
        nothing has followed: then two came at the same time, of whom one goes on and the other is refused.
        """
        tokens = self._rotate(secrets.digest(refresh_token))
        if tokens is None:
            raise InvalidCredentials
        return tokens

    @transaction
    def _rotate(self, digest: bytes) -> Tokens | None:
        minted, now = secrets.mint(), self._clock.now()
        with self._unit_of_work() as unit:
            found = unit.sessions.take(digest, now=now)
            if found is None:
                return None
            used, user = found
            if used.use_time is not None:
                if not used.was_used_just_before(now) or unit.sessions.has_gone_on(used):
                    unit.sessions.end(used.session_id, now=now)
                    unit.commit()
                return None
            following = used.follow(digest=minted.digest, at=now)
            unit.sessions.add(following, now=now)
            unit.commit()
        return self._tokens(following, user.scopes, minted.secret)

    @raises()
    @transaction
    def revoke(self, token: str) -> None:
        """End the session of a token, be it a refresh or an access token; of one that is not good there is none."""
        now, identity = self._clock.now(), self._issuer.identify(token)
        with self._unit_of_work() as unit:
            unit.sessions.end_with(secrets.digest(token), identity.id if identity else None, now=now)
            if identity:
                unit.sessions.revoke(identity.id, until=identity.expire_time)
            unit.commit()

    @raises(UserNotFound)
    @transaction
    def issue(self, subject: str, *, scopes: Collection[str], lifetime: timedelta) -> str:
        """Return an access token without a session. One for a user ends like those of the user's sessions.

        Raises:
            ValueError: subject or lifetime make no sense; see ``app.services.tokens``.
        """
        now, user_id, token_id = self._clock.now(), user_id_of(subject), str(uuid4())
        issued = self._issuer.issue(subject, scopes=scopes, lifetime=lifetime, token_id=token_id)
        if user_id != NOBODY:
            with self._unit_of_work() as unit:
                unit.sessions.note(IssuedToken(id=token_id, user_id=user_id, expire_time=now + lifetime), now=now)
                unit.commit()
        return issued

    def _tokens(self, token: RefreshToken, scopes: Collection[str], secret: str) -> Tokens:
        access = self._issuer.issue(str(token.user_id), scopes=scopes, lifetime=ACCESS, token_id=str(token.id))
        return Tokens(access, secret)
