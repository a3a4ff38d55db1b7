"""Tasks over gRPC."""

from typing import Any, Final

from app.rpc.calls import Call
from app.rpc.decoding import Reader
from app.rpc.error_details import failures_of
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.messages.lists import list_query
from app.rpc.messages.tasks import batch_data, creation_data, mask_query, task_data, task_message
from app.rpc.methods import Service
from app.services.tasks import TaskService
from app.wire.decoder import Decoder
from app.wire.ids import NIL
from app.wire.schemas import tasks as wire

SERVICE: Final = Service(pb.DESCRIPTOR.services_by_name["TodoService"], scope="tasks")
COLLECTION: Final = "tasks"
_CREATE, _CREATE_SEVERAL = Decoder(wire.CreateTaskRequestSchema()), Decoder(wire.BatchCreateTasksRequestSchema())
_LIST = Decoder(wire.ListTasksSchema())
_MASK, _UPDATE = Decoder(wire.UpdateTaskQuerySchema()), Decoder(wire.TaskUpdateSchema())


@SERVICE.answers("CreateTask", calls=TaskService.create, reads=(wire.CreateTaskRequestSchema,), once=True)
def create_task(call: Call, request: pb.CreateTaskRequest) -> pb.Task:
    """Create a task for the caller."""
    reader = Reader(call)
    new = reader.read(_CREATE, creation_data(request))
    reader.check()
    return task_message(call.services.tasks.create(new, by=call.principal))


@SERVICE.answers("GetTask", calls=TaskService.get, reads_replica=True)
def get_task(call: Call, request: pb.GetTaskRequest) -> pb.Task:
    """Return one task."""
    reader = Reader(call)
    task_id = reader.resource(COLLECTION, request.name)
    reader.check()
    return task_message(call.services.tasks.get(task_id, by=call.principal))


@SERVICE.answers("ListTasks", calls=TaskService.page, reads=(wire.ListTasksSchema,), reads_replica=True)
def list_tasks(call: Call, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
    """List the caller's tasks; an admin gets the tasks of all users."""
    reader, caller = Reader(call), call.principal.id
    listing = reader.read_query(_LIST, list_query(request))
    reader.check()
    page = call.services.tasks.page(listing.query(call.page_tokens, caller=caller), by=call.principal)
    answer = listing.answer(page, call.page_tokens, caller=caller)
    return pb.ListTasksResponse(
        tasks=map(task_message, answer["tasks"]),
        next_page_token=answer["next_page_token"],
        total_size=answer["total_size"],
    )


@SERVICE.answers("UpdateTask", calls=TaskService.update, reads=(wire.UpdateTaskQuerySchema, wire.TaskUpdateSchema))
def update_task(call: Call, request: pb.UpdateTaskRequest) -> pb.Task:
    """Set some fields of a task."""
    reader = Reader(call)
    query = reader.read_query(_MASK, mask_query(request))
    task_id, changes = NIL, dict[str, Any]()
    if reader.require(request, "task"):
        task_id = reader.resource(COLLECTION, request.task.name)
        changes = reader.read(_UPDATE, task_data(request.task), query)
    reader.check()
    return task_message(call.services.tasks.update(task_id, changes, by=call.principal))


@SERVICE.answers("DeleteTask", calls=TaskService.delete)
def delete_task(call: Call, request: pb.DeleteTaskRequest) -> pb.DeleteTaskResponse:
    """Delete a task."""
    reader = Reader(call)
    task_id = reader.resource(COLLECTION, request.name)
    reader.check()
    task = call.services.tasks.delete(task_id, by=call.principal)
    return pb.DeleteTaskResponse(message=wire.deleted(task))


@SERVICE.answers(
    "BatchCreateTasks",
    calls=TaskService.create_batch,
    reads=(wire.BatchCreateTasksRequestSchema,),
    max_bytes=1 << 20,
    once=True,
)
def create_tasks(call: Call, request: pb.BatchCreateTasksRequest) -> pb.BatchCreateTasksResponse:
    """Create up to 100 tasks; items whose titles are taken are in the failures."""
    reader = Reader(call)
    news = reader.read(_CREATE_SEVERAL, batch_data(request))
    reader.check()
    batch = call.services.tasks.create_batch(news, by=call.principal)
    return pb.BatchCreateTasksResponse(
        tasks=map(task_message, batch.tasks), failures=failures_of(call, batch.failures, created=len(batch.tasks))
    )
