"""Operations on accounts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from app.errs import raises
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.errs.users import InvalidOneTimeToken, NotThisUser, UserNotFound
from app.models import one_time_tokens
from app.models.common_passwords import Acceptable
from app.models.jobs import NewJob
from app.models.precondition import NO_PRECONDITION, Precondition, revision
from app.models.users import (
    NewUser,
    PendingUser,
    Registration,
    User,
    UserView,
    check_is_caller,
    same_address,
    user_id_of,
)
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.hashing_share import hashing
from app.resilience.mail_throttle import MailThrottle, Purpose
from app.resilience.transaction_retry import transaction


class Hasher(Protocol):
    """See ``app.models.passwords``."""

    def hash(self, password: Acceptable) -> str: ...  # noqa: D102


class Rules(Protocol):
    """See ``app.models.common_passwords``."""

    def accept(self, password: str, *, about: Iterable[str | None]) -> Acceptable: ...  # noqa: D102


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def find_by_email(self, email: str) -> UserView | None: ...  # noqa: D102
    def has_email(self, email: str) -> bool: ...  # noqa: D102
    def pending(self, token_digest: bytes, *, now: datetime) -> PendingUser: ...  # noqa: D102
    def get(self, user_id: UUID) -> UserView: ...  # noqa: D102
    def all(self) -> list[UserView]: ...  # noqa: D102


class UserCollection(Protocol):
    """Users as entities; see ``app.repositories.users``."""

    def add(self, user: User) -> None: ...  # noqa: D102
    def get(self, user_id: UUID) -> User: ...  # noqa: D102
    def get_by_email(self, email: str) -> User: ...  # noqa: D102


class RegistrationCollection(Protocol):
    """Registrations; see ``app.repositories.users``."""

    def add(self, registration: Registration, *, now: datetime) -> None: ...  # noqa: D102
    def take(self, token_digest: bytes, *, now: datetime) -> Registration: ...  # noqa: D102


class SessionCollection(Protocol):
    """See ``app.repositories.sessions``."""

    def end_all(self, user_id: UUID, *, now: datetime) -> None: ...  # noqa: D102
    def revoke_access(self, user_id: UUID, *, now: datetime) -> None: ...  # noqa: D102


class JobQueue(Protocol):
    """See ``app.repositories.jobs``."""

    def add(self, new: NewJob) -> None: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def users(self) -> UserCollection: ...  # noqa: D102
    @property
    def registrations(self) -> RegistrationCollection: ...  # noqa: D102
    @property
    def sessions(self) -> SessionCollection: ...  # noqa: D102
    @property
    def jobs(self) -> JobQueue: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class UserService:
    """The operations on accounts. Their responses do not reveal whether an address has an account; only emails do."""

    def __init__(
        self,
        *,
        reads: UserReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        passwords: Hasher,
        rules: Rules,
        mail_throttle: MailThrottle,
        clock: Clock,
        default_scopes: tuple[str, ...],
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._rules = rules
        self._mail_throttle = mail_throttle
        self._clock = clock
        self._default_scopes = default_scopes

    @raises()
    def register(self, new: NewUser) -> None:
        """Send an email to the address: a token to activate the account, or a notice that it already has one.

        The SQL statements are the same in both cases. A registration has no password. Therefore an attacker can't make
        the owner of an address activate an account with a password that the attacker knows (Sudhodanan and Paverd,
        "Pre-hijacked accounts", USENIX Security 2022).
        """
        delay = self._mail_throttle.delay(Purpose.REGISTRATION, same_address(new.email))
        self._register(new, is_taken=self._reads.has_email(new.email), delay=delay)

    @transaction
    def _register(self, new: NewUser, *, is_taken: bool, delay: timedelta) -> None:
        minted, now, to = one_time_tokens.generate(), self._clock.now(), same_address(new.email)
        mail = "mail.address_taken" if is_taken else "mail.activation"
        with self._unit_of_work() as unit:
            registration = Registration.create(new, token_digest=minted.digest, at=now)
            unit.registrations.add(registration, now=now)
            content = {"to": to, "name": new.name, "token": "" if is_taken else minted.secret}
            unit.jobs.add(NewJob(mail, content, supersedes=f"{Purpose.REGISTRATION}:{to}", after=delay))
            unit.commit()

    @raises(InvalidOneTimeToken, ValidationFailed)
    @hashing
    def activate(self, token: str, password: str) -> User:
        """Create the user of a registration, with a single-use token and a new password."""
        digest = one_time_tokens.digest(token)
        waiting = self._reads.pending(digest, now=self._clock.now())
        accepted = self._rules.accept(password, about=(waiting.name, waiting.email))
        return self._activate(digest, self._passwords.hash(accepted))

    @transaction
    def _activate(self, token_digest: bytes, password_hash: str) -> User:
        now = self._clock.now()
        with self._unit_of_work() as unit:
            registration = unit.registrations.take(token_digest, now=now)
            user = User.activate(registration, password_hash=password_hash, scopes=self._default_scopes, at=now)
            unit.users.add(user)
            unit.commit()
        return user

    @raises()
    def all(self) -> Sequence[UserView]:
        """Return every user."""
        return self._reads.all()

    @raises()
    def find_by_email(self, email: str) -> UserView | None:
        """Return the user with this email address, if any."""
        return self._reads.find_by_email(email)

    @raises(UserNotFound, NotThisUser, PreconditionFailed)
    def get(self, user_id: UUID, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> UserView:
        """Return a user: the caller, or for an admin any user."""
        check_is_caller(user_id, by)
        return self._find(user_id, precondition)

    @raises(UserNotFound, PreconditionFailed)
    def get_own(self, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> UserView:
        """Return the caller."""
        return self._find(user_id_of(by.id), precondition)

    def _find(self, user_id: UUID, precondition: Precondition) -> UserView:
        user = self._reads.get(user_id)
        precondition.check(revision(user.version, user.update_time))
        return user

    @raises(UserNotFound, PreconditionFailed)
    @transaction
    def update(
        self, changes: Mapping[str, str], *, by: Principal, precondition: Precondition = NO_PRECONDITION
    ) -> User:
        """Set the given fields of the caller."""
        with self._unit_of_work() as unit:
            user = unit.users.get(user_id_of(by.id))
            precondition.check(revision(user.version, user.update_time))
            user.change(changes, at=self._clock.now())
            unit.commit()
        return user

    @raises(UserNotFound)
    @transaction
    def grant(self, email: str, scopes: Sequence[str]) -> User:
        """Grant a user more scopes. Current access tokens are revoked; those of the next refresh have the scopes."""
        return self._with_other_scopes(email, lambda user, now: user.grant(scopes, at=now))

    @raises(UserNotFound)
    @transaction
    def revoke(self, email: str, scopes: Sequence[str]) -> User:
        """Remove scopes from a user. Current access tokens are revoked; those of the next refresh lack the scopes."""
        return self._with_other_scopes(email, lambda user, now: user.revoke(scopes, at=now))

    def _with_other_scopes(self, email: str, change: Callable[[User, datetime], None]) -> User:
        now = self._clock.now()
        with self._unit_of_work() as unit:
            user = unit.users.get_by_email(email)
            change(user, now)
            unit.sessions.revoke_access(user.id, now=now)
            unit.commit()
        return user

    @raises(UserNotFound)
    @transaction
    def enable(self, email: str) -> User:
        """Enable login for a disabled user again."""
        with self._unit_of_work() as unit:
            user = unit.users.get_by_email(email)
            user.enable(at=self._clock.now())
            unit.commit()
        return user

    @raises(UserNotFound)
    @transaction
    def disable(self, email: str) -> User:
        """Disable login for a user, and end all sessions."""
        now = self._clock.now()
        with self._unit_of_work() as unit:
            user = unit.users.get_by_email(email)
            user.disable(at=now)
            unit.sessions.end_all(user.id, now=now)
            unit.commit()
        return user
