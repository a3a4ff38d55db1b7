"""The collection of tasks in memory; see ``app.repositories.tasks``. A contract test holds both against each other."""

from collections.abc import Sequence
from operator import ge, gt, le, lt
from types import SimpleNamespace
from typing import Any, Protocol, cast
from uuid import UUID

from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Page, Value
from app.models.tasks import Task, TaskView, same_title

COLUMNS = tuple(column.key for column in Task.__table__.columns)
_ORDERED = {Operator.LT: lt, Operator.LE: le, Operator.GT: gt, Operator.GE: ge}


class Storage(Protocol):
    """Where the rows are, by id."""

    tasks: dict[UUID, dict[str, Any]]


class FakeTaskReads:
    """Reads tasks as rows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def get(self, task_id: UUID) -> TaskView:
        """Return the task."""
        if task_id not in self._storage.tasks:
            raise TaskNotFound
        return _view(self._storage.tasks[task_id])

    def page(self, query: ListQuery) -> Page[TaskView]:
        """Return one page of the tasks that match."""
        order = [*query.order, Ordering("id", query.order[-1].descending)]
        matching = [row for row in self._storage.tasks.values() if all(_holds(each, row) for each in query.where)]
        for each in reversed(order):
            matching = _sorted(matching, each)
        rows = [row for row in matching if query.after is None or _is_behind(row, order, query.after.keys)]
        total = len(matching) if query.after is None else query.after.total_size
        shown, more = rows[: query.page_size], len(rows) > query.page_size
        end = Cursor(tuple(_key(shown[-1][each.member]) for each in order), total) if more else None
        return Page(tuple(map(_view, shown)), end, total)


class FakeTaskRepository:
    """Tasks as entities, inside a unit of work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._held: dict[UUID, Task] = {}

    def get(self, task_id: UUID) -> Task:
        """Return the task; what is changed of it is written with the unit."""
        if task_id not in self._storage.tasks:
            raise TaskNotFound
        return self._held.setdefault(task_id, Task(**self._storage.tasks[task_id]))

    def add(self, task: Task) -> None:
        """Add the task."""
        self._held[task.id] = task
        self.flush()

    def add_all(self, tasks: list[Task]) -> set[UUID]:
        """Add the tasks whose titles are free, and return their ids."""
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
        """Write what was changed."""
        for task in self._held.values():
            if self._is_taken(task):
                raise TaskTitleTaken(param="title")
            self._storage.tasks[task.id] = _row(task)

    def _is_taken(self, task: Task) -> bool:
        return any(
            row["created_by"] == task.created_by and same_title(row["title"]) == same_title(task.title)
            for task_id, row in self._storage.tasks.items()
            if task_id != task.id
        )


def _row(task: Task) -> dict[str, Any]:
    return {name: list(task.tags) if name == "tags" else getattr(task, name) for name in COLUMNS}


def _view(row: dict[str, Any]) -> TaskView:
    return cast("TaskView", SimpleNamespace(**row))


def _key(value: Any) -> Value:
    """Return a sort key as a cursor holds it."""
    return str(value) if isinstance(value, UUID) else cast("Value", value)


def _holds(comparison: Comparison, row: dict[str, Any]) -> bool:
    found, wanted = row[comparison.member], comparison.value
    match comparison.operator:
        case Operator.EQ:
            return bool(found == wanted)
        case Operator.NE:
            return bool(found != wanted)
        case Operator.HAS:
            return wanted in found
    compare: Any = _ORDERED[comparison.operator]
    return found is not None and bool(compare(found, wanted))


def _sorted(rows: list[dict[str, Any]], by: Ordering) -> list[dict[str, Any]]:
    """Sort by one member, keeping the order of what is equal; nulls come last in both directions."""
    present = [row for row in rows if row[by.member] is not None]
    absent = [row for row in rows if row[by.member] is None]
    return sorted(present, key=lambda row: row[by.member], reverse=by.descending) + absent


def _is_behind(row: dict[str, Any], order: Sequence[Ordering], last: Sequence[Value]) -> bool:
    for by, end in zip(order, last, strict=True):
        value = _key(row[by.member])
        if value == end:
            continue
        if value is None or end is None:
            return value is None
        return value < end if by.descending else value > end  # type: ignore[operator]  # of one member, of one type
    return False
