"""Jobs: work that outlives the request that caused it, written down in the transaction of the cause."""

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

from app.models.base import Base, SmallEnum

KIND: Final = re.compile(r"[a-z]+(\.[a-z_]+)+")
DEAD_FOR: Final = timedelta(days=30)
"""How long a dead job is kept: whoever looks at it has done so by then, and its payload may be personal data."""
LARGEST_PAYLOAD: Final = 8192
"""Bytes of JSON; what is larger belongs into a table of its own, and its key into the payload."""


class JobState(IntEnum):
    """Whether a job is still to be done; one that is done is deleted, and what its payload held with it."""

    QUEUED = 1
    DEAD = 2


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is to be done: the handler that ``kind`` names is given the payload, so long ``after`` the commit at least.

    Args:
        kind: words with full stops between.
        payload: a few texts.
        supersedes: jobs with the same are dropped, unless one is being done or dead. Mails have to name it: a stranger
            may request them.
        after: how long it waits.

    Raises:
        ValueError: no kind looks so, the payload is too large, or a mail does not say what it supersedes.
    """

    kind: str
    payload: Mapping[str, str]
    supersedes: str = ""
    after: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not KIND.fullmatch(self.kind):
            raise ValueError(f"a kind is words with a full stop between, such as mail.activation, not {self.kind!r}")
        if len(json.dumps(dict(self.payload))) > LARGEST_PAYLOAD:
            raise ValueError(f"a payload has {LARGEST_PAYLOAD} bytes at most")
        if self.kind.startswith("mail.") and not self.supersedes:
            raise ValueError(
                "a mail says what it supersedes, so that no address is flooded: see app.resilience.mail_throttle"
            )


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as it was when it was leased: what a later lease changes in the row, it does not change in here."""

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
    """How many jobs of a kind are queued and how many dead, and for how many seconds one of them has been due."""

    kind: str
    queued: int
    dead: int
    overdue: float


class Job(Base):
    """A job, from the transaction that caused it until it is done. All its times are PostgreSQL's."""

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, str]] = mapped_column(JSONB)
    state: Mapped[JobState] = mapped_column(SmallEnum(JobState), server_default=text("1"))
    run_time: Mapped[datetime] = mapped_column(server_default=func.now())
    """When it may be taken; while it is leased, the end of the lease."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    """Grows with each lease; only who was given its present value may say how the job ended."""
    lease_owner: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    supersedes: Mapped[str | None] = mapped_column(Text)
    """What it is the newest of: when another is written down with the same, this one goes unless it is being done."""
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
