"""The collection of tasks."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from app.errs.tasks import TaskNotFound
from app.models.query import ListQuery, Page
from app.models.tasks import CreatedTask, Task, TaskView, same_title
from app.repositories import listing
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.transaction import Transaction

COLUMNS: Final = tuple(Task.__table__.columns)
MEMBERS: Final = {column.key: column for column in COLUMNS}
ONE: Final = CompiledStatement(select(*COLUMNS).where(Task.id == bindparam("of")))
NEW: Final = CompiledStatement(insert(Task))


class TaskReads:
    """Reads tasks as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def get(self, task_id: UUID) -> TaskView:
        """Return the task.

        Raises:
            TaskNotFound: there is no task with this ID.
        """
        row: TaskView | None = self._reads.first(ONE, of=task_id)
        if row is None:
            raise TaskNotFound
        return row

    def page(self, query: ListQuery) -> Page[TaskView]:
        """Return one page of the tasks that match."""
        return listing.page(self._reads, COLUMNS, MEMBERS, query)


class TaskRepository:
    """Tasks as entities, inside a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, task_id: UUID) -> Task:
        """Return the task, locked until the unit of work ends.

        Raises:
            TaskNotFound: there is no task with this ID.
        """
        task = self._transaction.session.get(Task, task_id, with_for_update=True, populate_existing=True)
        if task is None:
            raise TaskNotFound
        return task

    def add(self, task: CreatedTask) -> None:
        """Add the task.

        Raises:
            TaskTitleTaken: its owner has another task with this title.
        """
        self._transaction.use(lambda connection: connection.run(NEW, **_row(task)))

    def add_all(self, tasks: list[CreatedTask]) -> set[UUID]:
        """Add the tasks whose titles are not taken, with one statement, and return their IDs.

        They are inserted in the order of their titles, therefore two batches with the same titles can't deadlock.
        """
        rows = [_row(task) for task in sorted(tasks, key=lambda task: same_title(task.title))]
        statement = insert(Task).values(rows).on_conflict_do_nothing().returning(Task.id)
        return set(self._transaction.session.scalars(statement))

    def remove(self, task: Task) -> None:
        """Remove the task."""
        self._transaction.session.delete(task)
        self._transaction.session.flush()


def _row(task: CreatedTask) -> dict[str, Any]:
    return {**{name: getattr(task, name) for name in MEMBERS}, "tags": list(task.tags)}
