"""Tasks and their invariants."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ColumnElement, Index, Text, func, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from app.errs.error import Violation
from app.errs.requests import ValidationFailed
from app.errs.tasks import TaskTitleTaken
from app.models.declarative_base import PERSONAL, Base, SmallEnum, Texts
from app.models.invisible_characters import SPACES

TITLE_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 1000
TAGS: Final = 10
TAG_LENGTH: Final = 50
TAG_CHARACTERS: Final = "[a-z0-9-]"


class Status(IntEnum):
    """The status of a task. The numbers are those of ``todo.v1.Status``."""

    PENDING = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    CANCELLED = 4


class Priority(IntEnum):
    """The urgency of a task. The numbers are those of ``todo.v1.Priority`` and sort by urgency."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """The caller's data for a new task."""

    title: str
    description: str | None = None
    status: Status = Status.PENDING
    priority: Priority = Priority.MEDIUM
    due_date: datetime | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedTask(NewTask):
    """A new task. It is not an entity: it is inserted without the ORM, and returned as it was inserted."""

    id: UUID
    create_time: datetime
    update_time: datetime
    created_by: str
    version: int = 1

    @classmethod
    def of(cls, new: NewTask, *, by: str, at: datetime) -> "CreatedTask":
        """Return a new task of this owner."""
        return cls(
            id=uuid4(),
            title=new.title,
            description=new.description,
            status=new.status,
            priority=new.priority,
            due_date=new.due_date,
            tags=new.tags,
            create_time=at,
            update_time=at,
            created_by=by,
        )


class TaskView(Protocol):
    """The readable attributes of a task, as an entity, as a row of columns, or as a ``CreatedTask``."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def created_by(self) -> str: ...  # noqa: D102
    @property
    def update_time(self) -> datetime: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


def same_title(title: str) -> str:
    """Return the normal form by which titles are compared: NFC, trimmed."""
    return unicodedata.normalize("NFC", title).strip(SPACES)


def same_title_in_sql(title: ColumnElement[str]) -> ColumnElement[str]:
    """Return the normal form of a title as an expression of PostgreSQL."""
    return func.btrim(func.normalize(title, literal_column("NFC")), literal_column(f"'{SPACES}'"))


class Task(Base):
    """A task, owned by its creator."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text, info=PERSONAL | {"normal_form": same_title_in_sql})
    description: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    status: Mapped[Status] = mapped_column(SmallEnum(Status))
    priority: Mapped[Priority] = mapped_column(SmallEnum(Priority))
    due_date: Mapped[datetime | None]
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(Texts())
    version: Mapped[int]

    __table_args__ = (
        Index(
            "uq_tasks_created_by_title",
            "created_by",
            same_title_in_sql(literal_column("title")),
            unique=True,
            info={"violated": TaskTitleTaken, "normal_form_of": "title"},
        ),
        Index("ix_tasks_created_by_create_time", "created_by", "create_time", "id"),
        Index("ix_tasks_created_by_due_date", "created_by", "due_date", "id"),
        Index("ix_tasks_created_by_title", "created_by", "title", "id"),
        Index("ix_tasks_created_by_status", "created_by", "status", "id"),
        Index("ix_tasks_created_by_priority", "created_by", "priority", "id"),
        Index("ix_tasks_created_by_update_time", "created_by", "update_time", "id"),
        Index("ix_tasks_create_time", "create_time", "id"),
        Index("ix_tasks_tags", "tags", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        CheckConstraint(f"char_length(title) BETWEEN 1 AND {TITLE_LENGTH}", "title_length"),
        CheckConstraint(f"char_length(description) <= {DESCRIPTION_LENGTH}", "description_length"),
        CheckConstraint("status BETWEEN 1 AND 4", "status_known"),
        CheckConstraint("priority BETWEEN 1 AND 4", "priority_known"),
        CheckConstraint(f"cardinality(tags) <= {TAGS}", "tags_few"),
        CheckConstraint("isfinite(due_date)", "due_date_finite"),
    )

    def change(self, changes: Mapping[str, Any], *, at: datetime) -> None:
        """Set the given fields. Without changes, the version stays the same.

        Raises:
            ValidationFailed: the task would be completed after its due date, or get a due date in the past.
        """
        if violations := tuple(self._violations(changes, at)):
            raise ValidationFailed(violations=violations)
        if not changes:
            return
        for name, value in changes.items():
            setattr(self, name, list(value) if name == "tags" else value)
        self.update_time = max(at, self.update_time)
        self.version += 1

    def _violations(self, changes: Mapping[str, Any], at: datetime) -> Iterator[Violation]:
        due_date = changes.get("due_date", self.due_date)
        completes = changes.get("status") is Status.COMPLETED and self.status is not Status.COMPLETED
        if completes and due_date is not None and due_date < at:
            yield Violation.of_member("status", "OVERDUE_COMPLETION", "status cannot become completed after due_date")
        if due_date is not None and due_date != self.due_date and due_date <= at:
            yield Violation.of_member("due_date", "MUST_BE_FUTURE", "due_date must be in the future")
