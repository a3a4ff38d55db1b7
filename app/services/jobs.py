"""Jobs are done once their cause is committed: again after a failure, by somebody else when a worker is lost.

At least once, then; what a handler writes to the database is committed together with the job's end, and so happens
once. What it does outside has to bear repetition: by a key such as the job's id, which stays the same.
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

from app import context, errs
from app.errs import raises
from app.models.jobs import Backlog, ClaimedJob, Job, JobState
from app.observability.redaction import redact_exception
from app.resilience import deadline
from app.resilience.transaction_retry import transaction

MOST_ATTEMPTS: Final = 15
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""The pause doubles up to this: a system that is away for four hours costs no job."""
LEASE: Final = timedelta(seconds=30)
TIMEOUT: Final = timedelta(seconds=5)
"""How long the queue may take to answer."""

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
    """One transaction, which the units of the handler inside it join."""

    @property
    def jobs(self) -> Queue: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class Outcome(StrEnum):
    """What became of an attempt."""

    DONE = "done"
    PUT_BACK = "rescheduled"
    DEAD = "dead"
    REJECTED = "rejected"
    """The recipient rejects it for good, which is no fault of the service: nothing is kept."""
    LOST = "lease lost"
    """Its lease had passed to another; whatever it wrote is undone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over, after so many seconds."""

    job: ClaimedJob
    outcome: Outcome
    seconds: float
    error: Exception | None = None
    pause: timedelta | None = None


class JobService:
    """Does jobs, and lets people look at those that could not be done.

    Args:
        unit_of_work: opens a transaction.
        handlers: who does which kind. A kind that is not here waits for a worker that knows it.
        hooks: are told of every attempt that ended, while the ids of the request that caused it are in force.
        lease: for how long a job is held; after two thirds of that its deadline has come.
        chance: draws from [0, 1).
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
        """Lease a job that is due, if there is one."""
        with deadline.within(TIMEOUT), self._unit_of_work() as unit:
            job = unit.jobs.claim(self.handlers, owner=owner, lease=self.lease)
            unit.commit()
        return job

    @raises(runs_callable=True)
    def run(self, job: ClaimedJob) -> Outcome:
        """Do a job that was taken, and note how it ended. Whatever its handler raises is part of that."""
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
        """Return what went wrong; the handler's writes and the job's end are committed together or not at all."""
        try:
            if job.attempts > MOST_ATTEMPTS:
                raise RuntimeError("each worker that held this job was lost with it")
            with self._unit_of_work() as unit:
                with deadline.within(self.lease * 2 / 3):
                    self.handlers[job.kind](job)
                with deadline.within(TIMEOUT):
                    if not unit.jobs.finish(job):
                        raise _LeaseLostError("the lease has passed to another worker")
                    unit.commit()
        except Exception as error:
            return error
        return None

    @transaction
    def _reschedule(self, job: ClaimedJob, error: Exception) -> tuple[Outcome, timedelta | None]:
        is_last = job.attempts >= MOST_ATTEMPTS or _is_permanent(error)
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
        """Keep nothing of a job whose recipient rejects it for good: neither the address nor a token."""
        with deadline.within(TIMEOUT), self._unit_of_work() as unit:
            is_ours = unit.jobs.finish(job)
            unit.commit()
        return (Outcome.REJECTED if is_ours else Outcome.LOST), None

    def _pause(self, attempts: int) -> timedelta:
        """Return between half and all of a time that doubles each time, so that failures do not march in step."""
        longest: timedelta = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
        return longest * (0.5 + self._chance() / 2)

    @raises()
    def list(self, state: JobState | None = None) -> list[Job]:
        """Return the oldest jobs, or the oldest in one state."""
        with self._unit_of_work() as unit:
            found = unit.jobs.list(state)
            unit.commit()
        return found

    @raises()
    def find(self, job_id: UUID) -> Job | None:
        """Return the job, unless it is done or never was."""
        with self._unit_of_work() as unit:
            found = unit.jobs.find(job_id)
            unit.commit()
        return found

    @raises()
    def backlogs(self) -> Sequence[Backlog]:
        """Return how much is to be done of each kind, those included that we know and nobody has asked for."""
        with self._unit_of_work() as unit:
            found = {each.kind: each for each in unit.jobs.backlogs()}
            unit.commit()
        none = {kind: Backlog(kind, 0, 0, 0.0) for kind in self.handlers}
        return [*(none | found).values()]

    @raises()
    @transaction
    def drop(self, job_ids: Collection[UUID] | None) -> Sequence[UUID]:
        """Delete dead jobs, or all of them (``None``), with their payloads; return which there were."""
        with self._unit_of_work() as unit:
            dropped = unit.jobs.drop(job_ids)
            unit.commit()
        return dropped

    @raises()
    @transaction
    def retry(self, job_id: UUID | None) -> int:
        """Queue a dead job again, or all of them (``None``); return how many there were."""
        with self._unit_of_work() as unit:
            revived = unit.jobs.revive(job_id)
            unit.commit()
        return revived


class _LeaseLostError(Exception):
    """Somebody else has the job by now."""


def _is_permanent(error: Exception) -> bool:
    """Tell whether the job itself is wrong, as the client of some other system: then it stays so."""
    return isinstance(error, errs.Error) and error.kind.fault is errs.Fault.CLIENT and not error.kind.retryable


def _is_undeliverable(error: Exception) -> bool:
    return isinstance(error, errs.Error) and bool(error.facts.get("is_undeliverable"))


@contextmanager
def _in_context_of(job: ClaimedJob) -> Iterator[None]:
    """Go by the ids of the request that caused the job."""
    request_id, trace_id = context.request_id.set(job.request_id), context.trace_id.set(job.trace_id)
    try:
        yield
    finally:
        context.request_id.reset(request_id)
        context.trace_id.reset(trace_id)
