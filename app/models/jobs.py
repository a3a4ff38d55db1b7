"""Jobs: background work, stored in the transaction that causes it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base, SmallEnum

KIND: Final = re.compile(r"[a-z]+(\.[a-z_]+)+")
MAX_ATTEMPTS: Final = 15
DEAD_FOR: Final = timedelta(days=30)
"""How long a dead job is kept for inspection. It is not kept longer, because its payload may be personal data."""
LARGEST_PAYLOAD: Final = 8192
"""Bytes of JSON. Store larger data in a separate table, and its key in the payload."""


class JobState(IntEnum):
    """The state of a job that is not done. A job that is done is deleted with its payload."""

    QUEUED = 1
    DEAD = 2


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be queued. The handler of ``kind`` is called with the payload, at the earliest ``after`` the commit.

    Args:
        kind: words separated by periods.
        payload: a few strings.
        supersedes: a key. Waiting jobs with the same key are dropped, but not running or dead ones. Emails require it,
            because anyone can request them.
        after: the minimum delay.

    Raises:
        ValueError: the kind is malformed, the payload is too large, or an email has no ``supersedes``.
    """

    kind: str
    payload: Mapping[str, str]
    supersedes: str = ""
    after: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not KIND.fullmatch(self.kind):
            raise ValueError(f"a kind is words separated by periods, such as mail.activation, not {self.kind!r}")
        if len(json.dumps(dict(self.payload))) > LARGEST_PAYLOAD:
            raise ValueError(f"a payload has at most {LARGEST_PAYLOAD} bytes")
        if self.kind.startswith("mail.") and not self.supersedes:
            raise ValueError(
                "a mail job must set supersedes, to limit the mail to an address: see app.resilience.mail_throttle"
            )


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A snapshot of a job at the time of its lease. A later lease changes the row, but not this object."""

    id: UUID
    kind: str
    payload: Mapping[str, str]
    attempts: int
    fence: int
    request_id: str | None
    trace_id: str | None
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """The numbers of queued and dead jobs of a kind, and for how many seconds the oldest queued job has been due."""

    kind: str
    queued: int
    dead: int
    overdue: float


class Job(Base):
    """A job, from the transaction that causes it until it is done. All its times are from PostgreSQL's clock."""

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, str]] = mapped_column(JSONB)
    state: Mapped[JobState] = mapped_column(SmallEnum(JobState), server_default=text("1"))
    run_time: Mapped[datetime] = mapped_column(server_default=func.now())
    """The earliest time to lease the job; while it is leased, the end of the lease."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    """The fencing token. It grows with each lease. Only the worker with the current value may record the result."""
    lease_owner: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    supersedes: Mapped[str | None] = mapped_column(Text)
    """The key of ``NewJob.supersedes``: a newer job with the same key deletes this one, unless this one is running."""
    request_id: Mapped[str | None] = mapped_column(Text)
    trace_id: Mapped[str | None] = mapped_column(Text)
    create_time: Mapped[datetime] = mapped_column(server_default=func.now())
    update_time: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_jobs_run_time", "run_time", postgresql_where=text("state = 1")),
        Index("ix_jobs_create_time", "create_time", "id"),
        Index("ix_jobs_update_time", "update_time", postgresql_where=text("state = 2")),
        Index("ix_jobs_supersedes", "supersedes", postgresql_where=text("supersedes IS NOT NULL")),
    )
