"""Execution of jobs, after the transaction that queued them has committed.

A job runs at least once: it is repeated after a failure, and by another worker after a crash. Database writes of a
handler are committed together with the end of the job, therefore they happen exactly once. External effects must be
idempotent, for example by the job's ID, which stays the same.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from app import errs, request_context
from app.errs import raises
from app.models.jobs import MAX_ATTEMPTS, Backlog, ClaimedJob, Job, JobState
from app.observability.redaction import redact_exception
from app.resilience import deadline
from app.resilience.transaction_retry import transaction

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""The pause doubles up to this limit. All attempts at a job together take about four hours."""
LEASE: Final = timedelta(seconds=30)
TIMEOUT: Final = timedelta(seconds=5)
"""The timeout of one operation on the queue."""

Handler = Callable[[ClaimedJob], None]


class Queue(Protocol):
    """See ``app.repositories.jobs``."""

    def claim(self, kinds: Collection[str], *, owner: str, lease: timedelta) -> ClaimedJob | None: ...  # noqa: D102
    def finish(self, job: ClaimedJob) -> bool: ...  # noqa: D102
    def reschedule(self, job: ClaimedJob, *, error: str, after: timedelta | None) -> bool: ...  # noqa: D102
    def find(self, job_id: UUID) -> Job | None: ...  # noqa: D102
    def list(self, state: JobState | None) -> list[Job]: ...  # noqa: D102
    def backlogs(self) -> Sequence[Backlog]: ...  # noqa: D102
    def revive(self, job_id: UUID | None) -> int: ...  # noqa: D102
    def drop(self, job_ids: Collection[UUID] | None) -> Sequence[UUID]: ...  # noqa: D102


class Unit(Protocol):
    """One transaction. The units of work of the handler join it."""

    @property
    def jobs(self) -> Queue: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class Outcome(StrEnum):
    """The outcome of an attempt."""

    DONE = "done"
    PUT_BACK = "rescheduled"
    DEAD = "dead"
    REJECTED = "rejected"
    """The recipient rejects it permanently, which is not a fault of the service. The job is deleted."""
    LOST = "lease lost"
    """Another worker had leased the job. The writes of this attempt were rolled back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The event that an attempt has ended, after ``seconds``."""

    job: ClaimedJob
    outcome: Outcome
    seconds: float
    error: Exception | None = None
    pause: timedelta | None = None


class JobService:
    """Runs jobs, and lists, retries and drops failed ones.

    Args:
        unit_of_work: opens a transaction.
        handlers: the handlers by kind. A job of another kind waits for a worker that has its handler.
        hooks: called after every attempt, in the context (request ID, trace ID) of the request that caused the job.
        lease: the duration of a lease. The deadline of a job is two thirds of it.
        chance: returns a random number from [0, 1).
    """

    def __init__(
        self,
        *,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        handlers: dict[str, Handler],
        hooks: tuple[Callable[[Ended], None], ...] = (),
        lease: timedelta = LEASE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.handlers, self.lease = handlers, lease
        self._unit_of_work, self._hooks, self._chance = unit_of_work, hooks, chance

    @raises()
    @transaction
    def claim(self, *, owner: str) -> ClaimedJob | None:
        """Lease a job that is due; return ``None`` if there is none."""
        with deadline.within(TIMEOUT), self._unit_of_work() as unit:
            job = unit.jobs.claim(self.handlers, owner=owner, lease=self.lease)
            unit.commit()
        return job

    @raises(runs_callable=True)
    def run(self, job: ClaimedJob) -> Outcome:
        """Run a leased job, and record its outcome. Exceptions of the handler are outcomes, too."""
        began = time.monotonic()
        with _in_context_of(job):
            error = self._attempt(job)
            if error is None:
                outcome, pause = Outcome.DONE, None
            else:
                outcome, pause = self._drop(job) if _is_undeliverable(error) else self._reschedule(job, error)
            ended = Ended(job, outcome, time.monotonic() - began, error, pause)
            for hook in self._hooks:
                hook(ended)
        return outcome

    def _attempt(self, job: ClaimedJob) -> Exception | None:
        """Return the error of the attempt, if any. The handler's writes and the end of the job are one transaction."""
        try:
            if job.attempts > MAX_ATTEMPTS:
                raise RuntimeError("every worker that ran this job crashed")
            with self._unit_of_work() as unit:
                with deadline.within(self.lease * 2 / 3):
                    self.handlers[job.kind](job)
                with deadline.within(TIMEOUT):
                    if not unit.jobs.finish(job):
                        raise _LeaseLostError("another worker holds the lease")
                    unit.commit()
        except Exception as error:
            return error
        return None

    @transaction
    def _reschedule(self, job: ClaimedJob, error: Exception) -> tuple[Outcome, timedelta | None]:
        is_last = job.attempts >= MAX_ATTEMPTS or _is_permanent(error)
        pause = None if is_last else self._pause(job.attempts)
        causes = " < ".join(f"{type(link).__qualname__}: {redact_exception(link)}" for link in errs.causes(error))
        operations = "".join(f"{op}: " for op in errs.ops(error))
        with deadline.within(TIMEOUT), self._unit_of_work() as unit:
            if isinstance(error, _LeaseLostError) or not unit.jobs.reschedule(
                job, error=operations + causes, after=pause
            ):
                return Outcome.LOST, None
            unit.commit()
        return (Outcome.DEAD if pause is None else Outcome.PUT_BACK), pause

    @transaction
    def _drop(self, job: ClaimedJob) -> tuple[Outcome, None]:
        """Delete a job that its recipient rejects permanently, with the address and the token in its payload."""
        with deadline.within(TIMEOUT), self._unit_of_work() as unit:
            is_held = unit.jobs.finish(job)
            unit.commit()
        return (Outcome.REJECTED if is_held else Outcome.LOST), None

    def _pause(self, attempts: int) -> timedelta:
        """Return a random pause from half of a limit up to the limit, which doubles each time (backoff with jitter)."""
        longest: timedelta = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
        return longest * (0.5 + self._chance() / 2)

    @raises()
    def list(self, state: JobState | None = None) -> list[Job]:
        """Return the oldest jobs, optionally only those in one state."""
        with self._unit_of_work() as unit:
            found = unit.jobs.list(state)
            unit.commit()
        return found

    @raises()
    def find(self, job_id: UUID) -> Job | None:
        """Return the job; ``None`` if it is done or never existed."""
        with self._unit_of_work() as unit:
            found = unit.jobs.find(job_id)
            unit.commit()
        return found

    @raises()
    def backlogs(self) -> Sequence[Backlog]:
        """Return the backlog of each kind, including known kinds without jobs."""
        with self._unit_of_work() as unit:
            found = {each.kind: each for each in unit.jobs.backlogs()}
            unit.commit()
        none = {kind: Backlog(kind, 0, 0, 0.0) for kind in self.handlers}
        return [*(none | found).values()]

    @raises()
    @transaction
    def drop(self, job_ids: Collection[UUID] | None) -> Sequence[UUID]:
        """Delete these dead jobs, or all dead ones (``None``), with their payloads. Return the deleted IDs."""
        with self._unit_of_work() as unit:
            dropped = unit.jobs.drop(job_ids)
            unit.commit()
        return dropped

    @raises()
    @transaction
    def retry(self, job_id: UUID | None) -> int:
        """Queue a dead job again, or all dead ones (``None``). Return their number."""
        with self._unit_of_work() as unit:
            revived = unit.jobs.revive(job_id)
            unit.commit()
        return revived


class _LeaseLostError(Exception):
    """Another worker has leased the job."""


def _is_permanent(error: Exception) -> bool:
    """Return whether the error is a client error that is not retryable: then the job itself is wrong."""
    return isinstance(error, errs.Error) and error.kind.fault is errs.Fault.CLIENT and not error.kind.retryable


def _is_undeliverable(error: Exception) -> bool:
    return isinstance(error, errs.Error) and bool(error.facts.get("is_undeliverable"))


@contextmanager
def _in_context_of(job: ClaimedJob) -> Iterator[None]:
    """Set the IDs of the request that caused the job in the context."""
    request_id, trace_id = request_context.request_id.set(job.request_id), request_context.trace_id.set(job.trace_id)
    try:
        yield
    finally:
        request_context.request_id.reset(request_id)
        request_context.trace_id.reset(trace_id)
