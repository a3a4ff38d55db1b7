"""Conversion of task messages."""

from typing import Any

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.messages.timestamps import set_timestamp, spelled
from app.wire.schemas.tasks import BATCH


def task_data(task: pb.Task) -> dict[str, Any]:
    """Return a task as the body of a JSON request.

    Output-only fields are left out, and values that are equal to absent ones: no tags, and an unspecified status or
    priority.
    """
    data: dict[str, Any] = {name: getattr(task, name) for name in ("title", "description") if task.HasField(name)}
    if task.status:
        data["status"] = _name(pb.Status, task.status)
    if task.priority:
        data["priority"] = _name(pb.Priority, task.priority)
    if task.HasField("due_date"):
        data["due_date"] = spelled(task.due_date)
    if task.tags:
        data["tags"] = list(task.tags)
    return data


def creation_data(request: pb.CreateTaskRequest) -> dict[str, Any]:
    """Return the JSON body of a creation."""
    return {"task": task_data(request.task)} if request.HasField("task") else {}


def batch_data(request: pb.BatchCreateTasksRequest) -> dict[str, Any]:
    """Return the JSON body of a batch; of a batch that is too long, only as many items as show that."""
    return {"requests": [creation_data(each) for each in request.requests[: BATCH + 1]]}


def mask_query(request: pb.UpdateTaskRequest) -> dict[str, str]:
    """Return the query parameters of an update; an empty mask is not the same as an absent one."""
    return {"update_mask": ",".join(request.update_mask.paths)} if request.HasField("update_mask") else {}


def task_message(task: Any) -> pb.Task:
    """Return the message of a task, from an entity or a row."""
    message = pb.Task(
        name=f"tasks/{task.id}",
        title=task.title,
        description=task.description,
        status=task.status,
        priority=task.priority,
        created_by=task.created_by,
        tags=task.tags,
    )
    set_timestamp(message.create_time, task.create_time)
    set_timestamp(message.update_time, task.update_time)
    if task.due_date is not None:
        set_timestamp(message.due_date, task.due_date)
    return message


def _name(enum: EnumTypeWrapper, number: int) -> str:
    """Return the name of an enum value, or its number if it is unknown."""
    return enum.Name(number) if number in enum.values() else str(number)
