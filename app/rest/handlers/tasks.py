"""Tasks over HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from app.models.precondition import Precondition, revision
from app.models.tasks import NewTask, TaskView
from app.rest.batch_failures import failures_of
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse, conditional, etag
from app.rest.current import page_tokens, principal, services
from app.rest.idempotency import once
from app.rest.operations import KIB, MIB
from app.services.tasks import BatchResult, TaskService
from app.wire.schemas import tasks as wire
from app.wire.schemas.lists import ListRequest

MERGE_PATCH: Final = ("application/json", "application/merge-patch+json")

blp = Blueprint(
    "tasks", __name__, scope="tasks", max_body_bytes=16 * KIB, url_prefix="/v1", description="Tasks of the caller."
)


@blp.route("/tasks", methods=("POST",))
@once
@blp.arguments(wire.CreateTaskRequestSchema)
@blp.response(HTTPStatus.CREATED, wire.TaskSchema, headers=("Location", "ETag"))
@blp.calls(TaskService.create)
def create_task(new: NewTask) -> Any:
    """Create a task for the caller."""
    task = services().tasks.create(new, by=principal())
    return task, {"Location": f"/v1/tasks/{task.id}", **_tag(task)}


@blp.route("/tasks:batchCreate", methods=("POST",))
@once
@blp.arguments(wire.BatchCreateTasksRequestSchema, max_bytes=MIB)
@blp.response(HTTPStatus.OK, wire.TaskBatchSchema, also=HTTPStatus.MULTI_STATUS)
@blp.calls(TaskService.create_batch)
def create_tasks(news: Sequence[NewTask]) -> Any:
    """Create up to 100 tasks. The status is 207 if some titles are taken."""
    batch = services().tasks.create_batch(news, by=principal())
    return _answer(batch), {}, HTTPStatus.MULTI_STATUS if batch.failures else HTTPStatus.OK


@blp.route("/tasks")
@blp.arguments(wire.ListTasksSchema, location="query")
@blp.response(HTTPStatus.OK, wire.TaskListSchema)
@blp.calls(TaskService.page, reads_replica=True)
def list_tasks(listing: ListRequest) -> Any:
    """List the caller's tasks. Admins get the tasks of all users."""
    query = listing.query(page_tokens(), caller=principal().id)
    page = services().tasks.page(query, by=principal())
    return ProjectedResponse(listing.answer(page, page_tokens(), caller=principal().id), listing.fields)


@blp.route("/tasks/<id:task_id>")
@blp.arguments(wire.GetTaskQuerySchema, location="query")
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.TaskSchema, headers=("ETag",))
@blp.calls(TaskService.get, reads_replica=True)
def get_task(query: Mapping[str, Any], task_id: UUID, precondition: Precondition) -> Any:
    """Return one task."""
    task = services().tasks.get(task_id, by=principal(), precondition=precondition)
    return ProjectedResponse(task, query["fields"]), _tag(task, query["fields"])


@blp.route("/tasks/<id:task_id>", methods=("PATCH",))
@blp.arguments(wire.UpdateTaskQuerySchema, location="query")
@blp.arguments(wire.TaskUpdateSchema, content_types=MERGE_PATCH)
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.TaskSchema, headers=("ETag",))
@blp.calls(TaskService.update)
def update_task(
    _query: Mapping[str, Any], changes: Mapping[str, Any], task_id: UUID, precondition: Precondition
) -> Any:
    """Update properties of a task."""
    task = services().tasks.update(task_id, changes, by=principal(), precondition=precondition)
    return task, _tag(task)


@blp.route("/tasks/<id:task_id>", methods=("DELETE",))
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.DeletedTaskSchema)
@blp.calls(TaskService.delete)
def delete_task(task_id: UUID, precondition: Precondition) -> Any:
    """Delete a task."""
    task = services().tasks.delete(task_id, by=principal(), precondition=precondition)
    return {"message": wire.deleted(task)}


def _tag(task: TaskView, members: Sequence[str] | None = None) -> dict[str, str]:
    return {"ETag": etag(revision(task.version, task.update_time), members or wire.READABLE)}


def _answer(batch: BatchResult) -> dict[str, Any]:
    return {"tasks": batch.tasks, "failures": failures_of(batch.failures, created=len(batch.tasks))}
