"""Deletion of accounts with all personal data. docs/policies/data-protection.md has the decision for each table."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from app.errs import raises
from app.errs.platform import RateLimitExceeded
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.errs.users import UserNotFound, wrong_password
from app.models.jobs import ClaimedJob, NewJob
from app.models.precondition import NO_PRECONDITION, Precondition, revision
from app.models.users import User, UserView, user_id_of
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.hashing_share import hashing
from app.resilience.login_throttle import LoginThrottle
from app.resilience.transaction_retry import transaction

ERASE: Final = "account.erase"
IMMEDIATE_ROWS: Final = 1_000
"""Rows of each large table that are erased in the transaction of the deletion; a job erases the others."""
ROWS_PER_JOB: Final = 10_000
RETRY_DELAY: Final = timedelta(minutes=1)
"""The delay of the first job. After it, no worker accepts the user's tokens, and requests in flight have ended."""
CONTINUES: Final = "continues"
"""The key in the payload of a follow-up job. The first job has already erased the failed requests."""


class Verifier(Protocol):
    """See ``app.models.passwords``."""

    def verify(self, password_hash: str | None, password: str) -> bool: ...  # noqa: D102


class UserReads(Protocol):
    """Users as rows; see ``app.repositories.users``."""

    def get(self, user_id: UUID) -> UserView: ...  # noqa: D102


class UserCollection(Protocol):
    """Users as entities; see ``app.repositories.users``."""

    def get(self, user_id: UUID) -> User: ...  # noqa: D102


class SessionCollection(Protocol):
    """See ``app.repositories.sessions``."""

    def end_all(self, user_id: UUID, *, now: datetime) -> None: ...  # noqa: D102


class Erasure(Protocol):
    """See ``app.repositories.erasure``."""

    def erase(  # noqa: D102
        self, user_id: UUID, *, email: str | None, most: int, failures: bool = True
    ) -> bool: ...


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
    def erasure(self) -> Erasure: ...  # noqa: D102
    @property
    def jobs(self) -> JobQueue: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class DeletionService:
    """Deletes accounts."""

    def __init__(
        self,
        *,
        reads: UserReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        passwords: Verifier,
        login_throttle: LoginThrottle,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._passwords = passwords
        self._login_throttle = login_throttle
        self._clock = clock

    @raises(UserNotFound, ValidationFailed, RateLimitExceeded, PreconditionFailed)
    @hashing
    def delete(
        self, current_password: str, *, by: Principal, network: str, precondition: Precondition = NO_PRECONDITION
    ) -> UUID:
        """Delete the caller's account and data, and return its ID. It requires the password: a token may be stolen."""
        user = self._reads.get(user_id_of(by.id))
        precondition.check(revision(user.version, user.update_time))
        self._login_throttle.count_password_check(user.id, user.password_hash, network=network)
        if not self._passwords.verify(user.password_hash, current_password):
            raise wrong_password()
        self._delete(user, precondition)
        return user.id

    @transaction
    def _delete(self, verified: UserView, precondition: Precondition) -> None:
        now = self._clock.now()
        with self._unit_of_work() as unit:
            user = unit.users.get(verified.id)
            if user.password_hash != verified.password_hash:
                raise wrong_password()
            precondition.check(revision(user.version, user.update_time))
            email = user.email
            user.anonymize(at=now)
            unit.sessions.end_all(user.id, now=now)
            unit.erasure.erase(user.id, email=email, most=IMMEDIATE_ROWS)
            unit.jobs.add(NewJob(ERASE, {"user_id": str(user.id)}, after=RETRY_DELAY))
            unit.commit()

    @raises()
    def erase(self, job: ClaimedJob) -> None:
        """Erase the remaining data of a deleted account, as a job. If some remains, queue another job.

        It is part of the job's transaction. If that is rolled back, the queue repeats it, not ``@transaction``.
        """
        user_id, is_first = UUID(job.payload["user_id"]), CONTINUES not in job.payload
        with self._unit_of_work() as unit:
            if unit.erasure.erase(user_id, email=None, most=ROWS_PER_JOB, failures=is_first):
                unit.jobs.add(NewJob(ERASE, {**job.payload, CONTINUES: "true"}))
            unit.commit()
