"""Login, refresh, and revocation of sessions."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from app.errs import raises
from app.errs.platform import RateLimitExceeded
from app.errs.sessions import InvalidCredentials
from app.errs.users import UserNotFound
from app.models import one_time_tokens
from app.models.roles import scopes_of
from app.models.sessions import (
    MAX_REFRESHES,
    REFRESH_WINDOW,
    IssuedToken,
    RefreshToken,
    TokenIdentity,
)
from app.models.token_lifetimes import ACCESS_LIFETIME, MAX_LIFETIME
from app.models.users import DELETED_USER_ID, OWN, User, UserView, same_address, user_id_of
from app.resilience.clock import Clock
from app.resilience.hashing_share import hashing
from app.resilience.login_throttle import LoginThrottle
from app.resilience.transaction_retry import transaction

USERS: Final = 100
"""The number of users whose sessions one transaction ends, when the sessions of all users are ended."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The email address and password of a login. They are not validated."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that a login or refresh returns. ``expires_in`` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 -- not a password
    expires_in: int = round(ACCESS_LIFETIME.total_seconds())


class Verifier(Protocol):
    """See ``app.models.passwords``."""

    def verify(self, password_hash: str | None, password: str) -> bool: ...  # noqa: D102


class Issuer(Protocol):
    """See ``app.services.tokens``."""

    def issue(  # noqa: D102
        self,
        subject: str,
        *,
        scopes: Collection[str],
        lifetime: timedelta,
        token_id: str,
        session_id: str | None = None,
    ) -> str: ...
    def identify(self, token: str) -> TokenIdentity | None: ...  # noqa: D102
    def key_id(self, kid: str | None) -> str: ...  # noqa: D102


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def find_by_email(self, email: str) -> UserView | None: ...  # noqa: D102


class SessionCollection(Protocol):
    """Refresh tokens; see ``app.repositories.sessions``."""

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> list[str]: ...  # noqa: D102
    def add(self, token: RefreshToken, *, now: datetime) -> None: ...  # noqa: D102
    def use(self, digest: bytes, *, now: datetime) -> tuple[RefreshToken, User] | None: ...  # noqa: D102
    def is_successor_used(self, replaced: RefreshToken) -> bool: ...  # noqa: D102
    def record(self, token: IssuedToken, *, now: datetime) -> None: ...  # noqa: D102
    def count(self, session_id: UUID, *, since: datetime) -> int: ...  # noqa: D102
    def supersede(self, used: RefreshToken, *, now: datetime) -> None: ...  # noqa: D102
    def end(self, session_id: UUID, *, now: datetime) -> None: ...  # noqa: D102
    def end_batch(self, after: UUID, *, most: int, now: datetime) -> tuple[UUID | None, int]: ...  # noqa: D102
    def end_with(self, digest: bytes, token: TokenIdentity | None, *, now: datetime) -> None: ...  # noqa: D102
    def revoke(self, id: str, *, until: datetime) -> None: ...  # noqa: A002, D102


class Unit(Protocol):
    """One transaction."""

    @property
    def sessions(self) -> SessionCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class SessionService:
    """The operations on sessions."""

    def __init__(
        self,
        *,
        users: UserReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        passwords: Verifier,
        issuer: Issuer,
        login_throttle: LoginThrottle,
        clock: Clock,
    ) -> None:
        self._users = users
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._issuer = issuer
        self._login_throttle = login_throttle
        self._clock = clock

    @raises(InvalidCredentials, RateLimitExceeded)
    @hashing
    def log_in(self, sent: Credentials, *, network: str) -> Tokens:
        """Start a session.

        Every failure has the same cost and the same error: one lookup of the user, one password verification.

        Args:
            sent: the email address and the password.
            network: the client network, by which failed logins are counted.
        """
        user = self._users.find_by_email(sent.email)
        kept = user.password_hash if user else None
        self._login_throttle.count_login(same_address(sent.email), kept, network=network)
        is_right = self._passwords.verify(kept, sent.password)
        if user is None or not is_right or user.is_disabled:
            raise InvalidCredentials
        return self._begin(user)

    @transaction
    def _begin(self, user: UserView) -> Tokens:
        minted, now = one_time_tokens.generate(), self._clock.now()
        token = RefreshToken.first(user.id, digest=minted.digest, at=now)
        with self._unit_of_work() as unit:
            scopes = unit.sessions.begin(token, user, now=now)
            unit.commit()
        return self._tokens(token, scopes, minted.secret)

    @raises(InvalidCredentials, RateLimitExceeded)
    def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for an access token and the next refresh token.

        A token is single-use. Exception: within 60 seconds, while its successor is unused, a client that lost the
        response can send the token again. The token then gets a new successor, which supersedes the unused one. A
        superseded token is rejected. A token that is sent after the 60 seconds, or after its successor was used, may be
        stolen: the session ends.
        """
        tokens = self._rotate(one_time_tokens.digest(refresh_token))
        if tokens is None:
            raise InvalidCredentials
        return tokens

    @transaction
    def _rotate(self, digest: bytes) -> Tokens | None:
        minted, now = one_time_tokens.generate(), self._clock.now()
        with self._unit_of_work() as unit:
            found = unit.sessions.use(digest, now=now)
            if found is None:
                return None
            token, user = found
            if token.replace_time is not None:
                if unit.sessions.is_successor_used(token) or not (token.supersede_time or token.may_be_repeated(now)):
                    unit.sessions.end(token.session_id, now=now)
                    unit.commit()
                    return None
                if token.supersede_time:
                    return None
            self._limit(unit, token.session_id, now)
            is_repeated = token.use_time is not None
            following = token.rotate(digest=minted.digest, at=now)
            if is_repeated:
                unit.sessions.supersede(token, now=following.create_time)
            unit.sessions.add(following, now=now)
            unit.commit()
        return self._tokens(following, user.scopes, minted.secret)

    def _limit(self, unit: Unit, session_id: UUID, now: datetime) -> None:
        """Check the number of recent refreshes of a session.

        Raises:
            RateLimitExceeded: there were too many.
        """
        if unit.sessions.count(session_id, since=now - REFRESH_WINDOW) >= MAX_REFRESHES:
            seconds = round(REFRESH_WINDOW.total_seconds())
            raise RateLimitExceeded(limit=MAX_REFRESHES, window_seconds=seconds, retry_after=seconds // MAX_REFRESHES)

    @raises()
    @transaction
    def revoke(self, token: str) -> None:
        """End the session of a refresh token or an access token. An invalid token has no effect."""
        now, identity = self._clock.now(), self._issuer.identify(token)
        with self._unit_of_work() as unit:
            unit.sessions.end_with(one_time_tokens.digest(token), identity, now=now)
            if identity:
                unit.sessions.revoke(identity.session_id or identity.id, until=identity.expire_time)
            unit.commit()

    @raises()
    def end_all(self) -> int:
        """End the sessions of all users, and return their number.

        Each batch of users is one transaction. After an error, the sessions of earlier batches have ended.
        """
        total, last = 0, DELETED_USER_ID
        while True:
            following, ended = self._end_batch(last)
            total += ended
            if following is None:
                return total
            last = following

    @transaction
    def _end_batch(self, after: UUID) -> tuple[UUID | None, int]:
        with self._unit_of_work() as unit:
            last, ended = unit.sessions.end_batch(after, most=USERS, now=self._clock.now())
            unit.commit()
        return last, ended

    @raises()
    @transaction
    def retire_key(self, kid: str | None) -> None:
        """Revoke all access tokens that a key has signed or will sign. ``None`` is the key of tokens without ``kid``.

        Sessions continue. Once another key is configured, it signs their next access tokens.

        Raises:
            KeyError: there is no key with this ID.
        """
        with self._unit_of_work() as unit:
            unit.sessions.revoke(self._issuer.key_id(kid), until=self._clock.now() + MAX_LIFETIME)
            unit.commit()

    @raises(UserNotFound)
    @transaction
    def issue(self, subject: str, *, scopes: Collection[str], lifetime: timedelta) -> str:
        """Return an access token without a session. If it is for a user, ending the user's sessions revokes it.

        Raises:
            ValueError: the subject or the lifetime is invalid; see ``app.services.tokens``.
            UserNotFound: the user is disabled or deleted.
        """
        now, user_id, token_id = self._clock.now(), user_id_of(subject), str(uuid4())
        issued = self._issuer.issue(subject, scopes=scopes_of(scopes), lifetime=lifetime, token_id=token_id)
        if user_id != DELETED_USER_ID:
            with self._unit_of_work() as unit:
                unit.sessions.record(IssuedToken(id=token_id, user_id=user_id, expire_time=now + lifetime), now=now)
                unit.commit()
        return issued

    def _tokens(self, token: RefreshToken, scopes: Collection[str], secret: str) -> Tokens:
        access = self._issuer.issue(
            str(token.user_id),
            scopes={*scopes_of(scopes), OWN},
            lifetime=ACCESS_LIFETIME,
            token_id=str(token.id),
            session_id=str(token.session_id),
        )
        return Tokens(access, secret)
