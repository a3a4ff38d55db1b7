"""The collection of tasks in memory; a contract test compares it with ``app.repositories.tasks``."""

from typing import Any, Protocol, cast
from uuid import UUID

from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.models.query import ListQuery, Page
from app.models.tasks import CreatedTask, Task, TaskView, same_title
from tests.fakes import listing

COLUMNS = tuple(column.key for column in Task.__table__.columns)


class Storage(Protocol):
    """The rows, by ID."""

    tasks: dict[UUID, dict[str, Any]]


class FakeTaskReads:
    """Reads tasks as rows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def get(self, task_id: UUID) -> TaskView:
        """Return the task."""
        if task_id not in self._storage.tasks:
            raise TaskNotFound
        return cast("TaskView", listing.view(self._storage.tasks[task_id]))

    def page(self, query: ListQuery) -> Page[TaskView]:
        """Return one page of the matching tasks."""
        return listing.page(self._storage.tasks.values(), query)


class FakeTaskRepository:
    """Tasks as entities, inside a unit of work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._held: dict[UUID, Task] = {}

    def get(self, task_id: UUID) -> Task:
        """Return the task; the unit writes its changes."""
        if task_id not in self._storage.tasks:
            raise TaskNotFound
        return self._held.setdefault(task_id, Task(**self._storage.tasks[task_id]))

    def add(self, task: CreatedTask) -> None:
        """Add the task."""
        if not self.add_all([task]):
            raise TaskTitleTaken(param="title")

    def add_all(self, tasks: list[CreatedTask]) -> set[UUID]:
        """Add the tasks whose titles are free, and return their IDs."""
        added = set()
        for task in sorted(tasks, key=lambda task: same_title(task.title)):
            if not self._is_taken(task):
                self._storage.tasks[task.id] = _row(task)
                added.add(task.id)
        return added

    def remove(self, task: Task) -> None:
        """Remove the task."""
        del self._storage.tasks[task.id]
        self._held.pop(task.id, None)

    def flush(self) -> None:
        """Write the changes."""
        for task in self._held.values():
            if self._is_taken(task):
                raise TaskTitleTaken(param="title")
            self._storage.tasks[task.id] = _row(task)

    def _is_taken(self, task: Task | CreatedTask) -> bool:
        return any(
            row["created_by"] == task.created_by and same_title(row["title"]) == same_title(task.title)
            for task_id, row in self._storage.tasks.items()
            if task_id != task.id
        )


def _row(task: Task | CreatedTask) -> dict[str, Any]:
    return {name: list(task.tags) if name == "tags" else getattr(task, name) for name in COLUMNS}
