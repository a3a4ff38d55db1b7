"""Password reset and password change."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from app.errs import raises
from app.errs.platform import RateLimitExceeded
from app.errs.requests import ValidationFailed
from app.errs.users import InvalidOneTimeToken, UserNotFound, wrong_password
from app.models import one_time_tokens
from app.models.common_passwords import Acceptable
from app.models.jobs import NewJob
from app.models.users import RESET, PendingUser, User, UserView, same_address, user_id_of
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.hashing_share import hashing
from app.resilience.login_throttle import LoginThrottle
from app.resilience.mail_throttle import MailThrottle, Purpose
from app.resilience.transaction_retry import transaction


class Hasher(Protocol):
    """See ``app.models.passwords``."""

    def hash(self, password: Acceptable) -> str: ...  # noqa: D102
    def verify(self, password_hash: str | None, password: str) -> bool: ...  # noqa: D102


class Rules(Protocol):
    """See ``app.models.common_passwords``."""

    def accept(self, password: str, *, about: Iterable[str | None]) -> Acceptable: ...  # noqa: D102


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def get(self, user_id: UUID) -> UserView: ...  # noqa: D102
    def resetting(self, token_digest: bytes, *, now: datetime) -> PendingUser: ...  # noqa: D102


class UserCollection(Protocol):
    """Users as entities; see ``app.repositories.users``."""

    def get(self, user_id: UUID) -> User: ...  # noqa: D102
    def allow_reset(self, email: str, token_digest: bytes, *, until: datetime, now: datetime) -> bool: ...  # noqa: D102
    def take_reset(self, token_digest: bytes, *, now: datetime) -> User: ...  # noqa: D102
    def end_resets(self, user_id: UUID) -> list[bytes]: ...  # noqa: D102


class SessionCollection(Protocol):
    """See ``app.repositories.sessions``."""

    def end_all(self, user_id: UUID, *, now: datetime) -> None: ...  # noqa: D102


class JobQueue(Protocol):
    """See ``app.repositories.jobs``."""

    def add(self, new: NewJob) -> None: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def users(self) -> UserCollection: ...  # noqa: D102
    @property
    def sessions(self) -> SessionCollection: ...  # noqa: D102
    @property
    def jobs(self) -> JobQueue: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class PasswordService:
    """The operations on passwords. Setting a password ends all sessions, because an attacker may have started one."""

    def __init__(
        self,
        *,
        reads: UserReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        passwords: Hasher,
        rules: Rules,
        login_throttle: LoginThrottle,
        mail_throttle: MailThrottle,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._rules = rules
        self._login_throttle = login_throttle
        self._mail_throttle = mail_throttle
        self._clock = clock

    @raises()
    def request_reset(self, email: str) -> None:
        """Send an email to the address: a token to set a new password, or a notice that it has no account.

        The SQL statements are the same in both cases.
        """
        to = same_address(email)
        self._allow_reset(to, delay=self._mail_throttle.delay(Purpose.PASSWORD_RESET, to))

    @transaction
    def _allow_reset(self, to: str, *, delay: timedelta) -> None:
        minted, now = one_time_tokens.generate(), self._clock.now()
        with self._unit_of_work() as unit:
            is_known = unit.users.allow_reset(to, minted.digest, until=now + delay + RESET, now=now)
            kind = "mail.password_reset" if is_known else "mail.no_account"
            content = {"to": to, "token": minted.secret if is_known else ""}
            unit.jobs.add(NewJob(kind, content, supersedes=f"{Purpose.PASSWORD_RESET}:{to}", after=delay))
            unit.commit()

    @raises(InvalidOneTimeToken, ValidationFailed)
    @hashing
    def reset(self, token: str, password: str) -> None:
        """Set a new password with a single-use token."""
        digest = one_time_tokens.digest(token)
        waiting = self._reads.resetting(digest, now=self._clock.now())
        accepted = self._rules.accept(password, about=(waiting.name, waiting.email))
        self._reset(digest, self._passwords.hash(accepted))

    @transaction
    def _reset(self, token_digest: bytes, password_hash: str) -> None:
        now = self._clock.now()
        with self._unit_of_work() as unit:
            user = unit.users.take_reset(token_digest, now=now)
            user.set_password(password_hash, at=now)
            unit.sessions.end_all(user.id, now=now)
            unit.commit()

    @raises(UserNotFound, ValidationFailed, RateLimitExceeded)
    @hashing
    def change(self, current: str, password: str, *, by: Principal, network: str) -> None:
        """Set a new password for the caller. It requires the current one, because a token may be stolen.

        Failed checks are counted per client network. They are counted separately from failed logins, which anyone can
        cause.
        """
        user = self._reads.get(user_id_of(by.id))
        accepted = self._rules.accept(password, about=(user.name, user.email))
        self._login_throttle.count_password_check(user.id, user.password_hash, network=network)
        if not self._passwords.verify(user.password_hash, current):
            raise wrong_password()
        self._set(user, self._passwords.hash(accepted))

    @transaction
    def _set(self, verified: UserView, password_hash: str) -> None:
        now = self._clock.now()
        with self._unit_of_work() as unit:
            user = unit.users.get(verified.id)
            if user.password_hash != verified.password_hash:
                raise wrong_password()
            user.set_password(password_hash, at=now)
            unit.users.end_resets(user.id)
            unit.sessions.end_all(user.id, now=now)
            unit.commit()
