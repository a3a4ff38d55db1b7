"""Two collections of tasks under one contract: the fake of the service tests, and PostgreSQL."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, cast
from uuid import uuid4

from sqlalchemy import text

from app.models.query import Comparison, ListQuery, Ordering
from app.models.tasks import CreatedTask, Priority, Status, TaskView
from app.services.tasks import TaskReads, Unit
from tests.fakes.tasks import COLUMNS, FakeTaskReads
from tests.fakes.unit_of_work import FakeDatabase

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Collection(Protocol):
    """The interface of both collections."""

    @property
    def reads(self) -> TaskReads: ...
    def unit(self) -> AbstractContextManager[Unit]: ...
    def clear(self) -> None: ...


class InMemory:
    """The fake collection."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.reads = FakeTaskReads(self.database)

    def unit(self) -> AbstractContextManager[Unit]:
        """Return a unit of work."""
        return self.database.unit_of_work()

    def clear(self) -> None:
        """Delete every task."""
        self.database.tasks.clear()


@dataclass
class InPostgres:
    """The collection in PostgreSQL."""

    database: Any

    @property
    def reads(self) -> TaskReads:
        """Return the reads."""
        return cast("TaskReads", self.database.task_reads)

    def unit(self) -> AbstractContextManager[Unit]:
        """Return a unit of work."""
        return cast("AbstractContextManager[Unit]", self.database.unit_of_work())

    def clear(self) -> None:
        """Delete every task."""
        with self.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM tasks"))


def a_task(title: str = "Buy milk", **changes: Any) -> CreatedTask:
    """Return a task of alice that is in no collection."""
    members: dict[str, Any] = {
        "id": uuid4(),
        "title": title,
        "description": None,
        "status": Status.PENDING,
        "priority": Priority.MEDIUM,
        "due_date": None,
        "create_time": NOON,
        "update_time": NOON,
        "created_by": "alice",
        "tags": (),
        "version": 1,
    }
    return CreatedTask(**{**members, **changes})


def added(collection: Collection, *tasks: CreatedTask) -> None:
    """Add tasks and commit."""
    with collection.unit() as unit:
        for task in tasks:
            unit.tasks.add(task)
        unit.commit()


def members(task: TaskView) -> dict[str, Any]:
    """Return all readable members of a task."""
    return {name: list(task.tags) if name == "tags" else getattr(task, name) for name in COLUMNS}  # type: ignore[attr-defined]  # rows and entities have it


def titles(collection: Collection, *where: Comparison, order: tuple[Ordering, ...] = (Ordering("title"),)) -> list[str]:
    """Return the titles of the tasks that match."""
    return [task.title for task in collection.reads.page(ListQuery(where, order, 100)).rows]
