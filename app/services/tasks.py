"""Operations on tasks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from app.errs import Error, raises
from app.errs.lists import InvalidOrderBy
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.errs.tasks import BatchFailed, NotTaskOwner, TaskNotFound, TaskTitleTaken
from app.models.precondition import NO_PRECONDITION, Precondition, revision
from app.models.query import Comparison, ListQuery, Operator, Page
from app.models.tasks import CreatedTask, NewTask, Task, TaskView
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction


class TaskCollection(Protocol):
    """Tasks as entities; see ``app.repositories.tasks``."""

    def get(self, task_id: UUID) -> Task: ...  # noqa: D102
    def add(self, task: CreatedTask) -> None: ...  # noqa: D102
    def add_all(self, tasks: list[CreatedTask]) -> set[UUID]: ...  # noqa: D102
    def remove(self, task: Task) -> None: ...  # noqa: D102


class TaskReads(Protocol):
    """Tasks as rows; see ``app.repositories.tasks``."""

    def get(self, task_id: UUID) -> TaskView: ...  # noqa: D102
    def page(self, query: ListQuery) -> Page[TaskView]: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def tasks(self) -> TaskCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The created tasks, and the index and error of each item that was not created."""

    tasks: tuple[CreatedTask, ...]
    failures: tuple[tuple[int, Error], ...]


class TaskService:
    """The operations on tasks. Users read and change their own, admins all."""

    def __init__(
        self, *, reads: TaskReads, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock

    @raises(TaskTitleTaken)
    @transaction
    def create(self, new: NewTask, *, by: Principal) -> CreatedTask:
        """Create a task for the caller."""
        with self._unit_of_work() as unit:
            task = CreatedTask.of(new, by=by.id, at=self._clock.now())
            unit.tasks.add(task)
            unit.commit()
        return task

    @raises(BatchFailed)
    @transaction
    def create_batch(self, news: Sequence[NewTask], *, by: Principal) -> BatchResult:
        """Create the tasks whose titles are not taken. Each item fails separately."""
        with self._unit_of_work() as unit:
            tasks = [CreatedTask.of(new, by=by.id, at=self._clock.now()) for new in news]
            created = unit.tasks.add_all(tasks)
            unit.commit()
        failures = tuple((index, TaskTitleTaken()) for index, task in enumerate(tasks) if task.id not in created)
        if not created:
            raise BatchFailed(count=len(tasks), failures=failures)
        return BatchResult(tuple(task for task in tasks if task.id in created), failures)

    @raises(TaskNotFound, NotTaskOwner, PreconditionFailed)
    def get(self, task_id: UUID, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> TaskView:
        """Return a task that the caller may read."""
        task = self._reads.get(task_id)
        _check_owner(task, by)
        precondition.check(revision(task.version, task.update_time))
        return task

    @raises(InvalidOrderBy)
    def page(self, query: ListQuery, *, by: Principal) -> Page[TaskView]:
        """Return one page of the caller's tasks; for an admin, of all tasks."""
        if not by.is_admin:
            query = replace(query, where=(Comparison("created_by", Operator.EQ, by.id), *query.where))
        return self._reads.page(query)

    @raises(TaskNotFound, NotTaskOwner, PreconditionFailed, ValidationFailed, TaskTitleTaken)
    @transaction
    def update(
        self, task_id: UUID, changes: Mapping[str, Any], *, by: Principal, precondition: Precondition = NO_PRECONDITION
    ) -> Task:
        """Set the given fields of a task. Concurrent updates are applied one after the other."""
        with self._unit_of_work() as unit:
            task = self._get_for_change(unit, task_id, by, precondition)
            task.change(changes, at=self._clock.now())
            unit.commit()
        return task

    @raises(TaskNotFound, NotTaskOwner, PreconditionFailed)
    @transaction
    def delete(self, task_id: UUID, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> Task:
        """Delete a task, and return its last state."""
        with self._unit_of_work() as unit:
            task = self._get_for_change(unit, task_id, by, precondition)
            unit.tasks.remove(task)
            unit.commit()
        return task

    def _get_for_change(self, unit: Unit, task_id: UUID, by: Principal, precondition: Precondition) -> Task:
        """Return the locked task, after the checks of ownership and precondition."""
        task = unit.tasks.get(task_id)
        _check_owner(task, by)
        precondition.check(revision(task.version, task.update_time))
        return task


def _check_owner(task: TaskView, by: Principal) -> None:
    """Check that the caller is the owner of the task or an admin.

    Raises:
        NotTaskOwner: the caller is neither.
    """
    if task.created_by != by.id and not by.is_admin:
        raise NotTaskOwner(user=by.id)
