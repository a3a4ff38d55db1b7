"""Logging in, and staying so."""

import hashlib
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from app.errs import raises
from app.errs.platform import RateLimitExceeded
from app.errs.sessions import InvalidCredentials
from app.models import secrets
from app.models.sessions import ACCESS, RefreshToken
from app.models.users import UserView, same_address
from app.resilience.clock import Clock
from app.resilience.transaction import transaction
from app.resilience.windows import Windows

ATTEMPTS: Final = 10
"""Tries to log in to one account within ``ATTEMPTS_WITHIN``, whatever the password and whether or not there is one."""
ATTEMPTS_WITHIN: Final = timedelta(minutes=15)


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


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def find_by_email(self, email: str) -> UserView | None: ...  # noqa: D102


class SessionCollection(Protocol):
    """Refresh tokens; see ``app.repositories.sessions``."""

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> None: ...  # noqa: D102


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
        windows: Windows,
        clock: Clock,
    ) -> None:
        self._users = users
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._issuer = issuer
        self._windows = windows
        self._clock = clock

    @raises(InvalidCredentials, RateLimitExceeded)
    def log_in(self, sent: Credentials) -> Tokens:
        """Begin a session.

        Whatever is wrong, the same is computed and the same is said: one look for the user, one verification.
        """
        self._count(sent.email)
        user = self._users.find_by_email(sent.email)
        is_right = self._passwords.verify(user.password_hash if user else None, sent.password)
        if user is None or not is_right or user.is_disabled:
            raise InvalidCredentials
        return self._begin(user)

    def _count(self, email: str) -> None:
        """Count a try.

        Raises:
            RateLimitExceeded: there were too many.
        """
        account = hashlib.sha256(same_address(email).encode()).hexdigest()
        seconds = round(ATTEMPTS_WITHIN.total_seconds())
        window = self._windows.hit(f"log-in:{account}", seconds=seconds)
        if window.hits > ATTEMPTS:
            left = min(max(1, round(window.left)), seconds)
            raise RateLimitExceeded(limit=ATTEMPTS, window_seconds=seconds, retry_after=left)

    @transaction
    def _begin(self, user: UserView) -> Tokens:
        minted, now = secrets.mint(), self._clock.now()
        token = RefreshToken.first(user.id, digest=minted.digest, at=now)
        with self._unit_of_work() as unit:
            unit.sessions.begin(token, user, now=now)
            unit.commit()
        access = self._issuer.issue(str(user.id), scopes=user.scopes, lifetime=ACCESS, token_id=str(token.id))
        return Tokens(access, minted.secret)
