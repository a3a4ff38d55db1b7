"""The job queue. All its times come from PostgreSQL's clock, because the clocks of workers differ."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import request_context
from app.models.jobs import Backlog, ClaimedJob, Job, JobState, NewJob

MAX_LISTED: Final = 200
CLAIMED_COLUMNS: Final = tuple(getattr(Job, each.name) for each in fields(ClaimedJob))


class JobRepository:
    """Jobs, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, new: NewJob) -> None:
        """Add a job with the IDs of the current request. It runs only if the unit of work is committed."""
        if new.supersedes:
            self._drop(new.supersedes)
        self._session.execute(
            insert(Job).values(
                kind=new.kind,
                payload=dict(new.payload),
                run_time=func.now() + new.after,
                supersedes=new.supersedes or None,
                request_id=request_context.request_id.get(),
                trace_id=request_context.trace_id.get(),
            )
        )

    def _drop(self, supersedes: str) -> None:
        """Delete the jobs that a newer one supersedes, but not running or dead ones.

        Until the unit of work ends, others that add a job with the same key wait, because they could not see this one.
        """
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(supersedes, 0))))
        waiting = (Job.state == JobState.QUEUED, Job.lease_owner.is_(None))
        statement = delete(Job).where(Job.supersedes == supersedes, *waiting)
        self._session.execute(statement.execution_options(synchronize_session=False))

    def claim(self, kinds: Collection[str], *, owner: str, lease: timedelta) -> ClaimedJob | None:
        """Lease the due job that has waited longest and is not leased; ``None`` if there is none.

        Args:
            kinds: the kinds that the caller can run. Jobs of other kinds wait for another worker.
            owner: the name of the worker, for operators.
            lease: the duration of the lease. After it, another worker may lease the job.
        """
        now = func.clock_timestamp()
        due = (
            select(Job.id)
            .where(Job.state == JobState.QUEUED, Job.run_time <= now, Job.kind.in_(kinds))
            .order_by(Job.run_time)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(Job)
            .where(Job.id == due.scalar_subquery())
            .values(
                run_time=now + lease,
                attempts=Job.attempts + 1,
                fence=Job.fence + 1,
                lease_owner=owner,
                update_time=now,
            )
            .returning(*CLAIMED_COLUMNS)
            .execution_options(synchronize_session=False)
        )
        row = self._session.execute(statement).one_or_none()
        return None if row is None else ClaimedJob(*row)

    def finish(self, job: ClaimedJob) -> bool:
        """Delete a job that is done; ``False`` if another worker has leased it."""
        held = (Job.id == job.id, Job.fence == job.fence)
        return self._session.scalar(delete(Job).where(*held).returning(Job.id)) is not None

    def reschedule(self, job: ClaimedJob, *, error: str, after: timedelta | None) -> bool:
        """Store the error of a job, and schedule it after a pause, or mark it as dead (``after`` is ``None``).

        Returns:
            ``False`` if another worker has leased it.
        """
        now = func.clock_timestamp()
        statement = (
            update(Job)
            .where(Job.id == job.id, Job.fence == job.fence)
            .values(
                state=JobState.DEAD if after is None else JobState.QUEUED,
                run_time=now + (after or timedelta(0)),
                fence=Job.fence + 1,
                lease_owner=None,
                last_error=error,
                update_time=now,
            )
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        )
        return self._session.scalar(statement) is not None

    def find(self, job_id: UUID) -> Job | None:
        """Return the job; ``None`` if it is done or never existed."""
        return self._session.get(Job, job_id, populate_existing=True)

    def list(self, state: JobState | None) -> list[Job]:
        """Return the oldest jobs, optionally only those in one state."""
        statement = select(Job).order_by(Job.create_time, Job.id).limit(MAX_LISTED)
        return [*self._session.scalars(statement if state is None else statement.where(Job.state == state))]

    def backlogs(self) -> Sequence[Backlog]:
        """Return the numbers of jobs that are not done, by kind. Jobs that are done have been deleted."""
        now, is_queued = func.clock_timestamp(), Job.state == JobState.QUEUED
        overdue = func.max(func.extract("epoch", now - Job.run_time)).filter(is_queued, Job.run_time <= now)
        statement = select(
            Job.kind,
            func.count().filter(is_queued),
            func.count().filter(Job.state == JobState.DEAD),
            func.coalesce(overdue, 0),
        ).group_by(Job.kind)
        return [
            Backlog(kind, queued, dead, float(late)) for kind, queued, dead, late in self._session.execute(statement)
        ]

    def revive(self, job_id: UUID | None) -> int:
        """Queue a dead job again, or all dead ones (``None``), with zero attempts. Return their number."""
        now = func.clock_timestamp()
        statement = (
            update(Job)
            .where(Job.state == JobState.DEAD, *([] if job_id is None else [Job.id == job_id]))
            .values(state=JobState.QUEUED, run_time=now, attempts=0, update_time=now)
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        )
        return len(self._session.scalars(statement).all())

    def drop(self, job_ids: Collection[UUID] | None) -> Sequence[UUID]:
        """Delete these dead jobs, or all dead ones (``None``). Return the deleted IDs."""
        which = () if job_ids is None else (Job.id.in_(job_ids),)
        dropped = delete(Job).where(Job.state == JobState.DEAD, *which).returning(Job.id)
        return [*self._session.scalars(dropped)]
