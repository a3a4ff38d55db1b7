"""Calls the service through the client that grpclib generates: mypy checks this file against its types.

It is run by its own interpreter, with the generated modules on the path, and prints each step that succeeded.
"""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from errors.v1.errors_pb2 import AppErrorCode, ErrorDetail, ItemFailures
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help, RequestInfo, RetryInfo
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Status as Code
from grpclib.exceptions import GRPCError
from grpclib.health.v1 import health_grpc, health_pb2
from grpclib.reflection.v1 import reflection_grpc, reflection_pb2
from grpclib.reflection.v1alpha import reflection_grpc as alpha_grpc
from grpclib.reflection.v1alpha import reflection_pb2 as alpha_pb2
from todo.v1.todo_grpc import TodoServiceStub
from todo.v1.todo_pb2 import (
    BatchCreateTasksRequest,
    CreateTaskRequest,
    DeleteTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Priority,
    Status,
    Task,
    UpdateTaskRequest,
)

ALICE = {"authorization": f"Bearer {os.environ['CANDOR_ALICE']}"}
OTHER_USER = {"authorization": f"Bearer {os.environ['CANDOR_STRANGER']}"}
"""A token without the scope `tasks`."""
WITHIN = 8
"""Maximum duration in seconds of a call with a deadline, on a slow machine. The service's own limit is 10 seconds."""
CALLS, AT_ONCE = 300, 20
"""Near the 100 streams of a connection, some calls end with REFUSED_STREAM, which grpclib does not retry."""
STEPS: list[Callable[["Driver"], Awaitable[None]]] = []
Step = TypeVar("Step", bound=Callable[["Driver"], Awaitable[None]])
Detail = TypeVar("Detail", bound=Message)


def step(function: Step) -> Step:
    STEPS.append(function)
    return function


def detail(error: GRPCError, kind: type[Detail]) -> Detail:
    found = [each for each in error.details or () if isinstance(each, kind)]
    assert len(found) == 1, error.details
    return found[0]


def later() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC).replace(microsecond=0) + timedelta(days=30))
    return stamp


async def failure(call: Awaitable[Any]) -> GRPCError:
    try:
        answer = await call
    except GRPCError as error:
        return error
    raise AssertionError(f"answered: {answer}")


class Driver:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.stub = TodoServiceStub(channel)

    async def new(self, title: str, **fields: Any) -> Task:
        return await self.stub.CreateTask(CreateTaskRequest(task=Task(title=title, **fields)), metadata=ALICE)

    async def trailing(
        self, method: UnaryUnaryMethod[Any, Any], request: Message, metadata: Mapping[str, str]
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the answer and the trailing metadata."""
        async with method.open(metadata=metadata) as stream:
            await stream.send_message(request, end=True)
            answer = await stream.recv_message()
            await stream.recv_trailing_metadata()
            assert stream.trailing_metadata is not None
            return answer, {name: str(value) for name, value in stream.trailing_metadata.items()}


@step
async def create(driver: Driver) -> None:
    due = later()
    task = await driver.new("python 1", status=Status.STATUS_IN_PROGRESS, due_date=due, tags=["home", "food"])
    assert task.name.startswith("tasks/") and task.created_by
    assert (task.status, list(task.tags)) == (Status.STATUS_IN_PROGRESS, ["home", "food"])
    assert task.due_date == due and task.create_time == task.update_time


@step
async def create_assumes_defaults(driver: Driver) -> None:
    task = await driver.new("python 2")
    assert (task.status, task.priority) == (Status.STATUS_PENDING, Priority.PRIORITY_MEDIUM)
    assert not task.HasField("description") and not task.HasField("due_date")


@step
async def get(driver: Driver) -> None:
    task = await driver.new("python 3")
    assert await driver.stub.GetTask(GetTaskRequest(name=task.name), metadata=ALICE) == task


@step
async def an_update_with_a_mask_leaves_the_others(driver: Driver) -> None:
    task = await driver.new("python 4", description="more", tags=["home"], status=Status.STATUS_COMPLETED)
    changes = Task(name=task.name, title="python 4b", description="ignored")
    request = UpdateTaskRequest(task=changes, update_mask=FieldMask(paths=["title"]))
    changed = await driver.stub.UpdateTask(request, metadata=ALICE)
    assert (changed.title, changed.description) == ("python 4b", "more")
    assert (list(changed.tags), changed.status) == (["home"], Status.STATUS_COMPLETED)


@step
async def an_update_without_a_mask_sets_the_given_fields(driver: Driver) -> None:
    task = await driver.new("python 5", description="more", status=Status.STATUS_COMPLETED)
    request = UpdateTaskRequest(task=Task(name=task.name, priority=Priority.PRIORITY_HIGH))
    changed = await driver.stub.UpdateTask(request, metadata=ALICE)
    assert (changed.title, changed.description) == ("python 5", "more")
    assert (changed.priority, changed.status) == (Priority.PRIORITY_HIGH, Status.STATUS_COMPLETED)


@step
async def a_mask_clears_unset_fields(driver: Driver) -> None:
    task = await driver.new("python 6", description="more", tags=["home"])
    mask = FieldMask(paths=["description", "tags"])
    request = UpdateTaskRequest(task=Task(name=task.name), update_mask=mask)
    cleared = await driver.stub.UpdateTask(request, metadata=ALICE)
    assert not cleared.HasField("description") and not cleared.tags and cleared.title == "python 6"


@step
async def list_with_a_filter_and_pages(driver: Driver) -> None:
    seen: list[str] = []
    token = ""
    for _ in range(20):
        request = ListTasksRequest(page_size=2, filter="status = PENDING", order_by="title", page_token=token)
        page = await driver.stub.ListTasks(request, metadata=ALICE)
        seen += [task.title for task in page.tasks]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(seen) and page.total_size == len(seen)
    assert "python 2" in seen and "python 1" not in seen


@step
async def a_reused_title_is_already_exists(driver: Driver) -> None:
    await driver.new("python 7")
    error = await failure(driver.new("python 7"))
    own = detail(error, ErrorDetail)
    assert (error.status, own.code) == (Code.ALREADY_EXISTS, "TASK_TITLE_TAKEN")
    assert own.app_error_code == AppErrorCode.RESOURCE_CONFLICT
    assert detail(error, ErrorInfo).metadata["param"] == "title"


@step
async def violations_are_typed(driver: Driver) -> None:
    error = await failure(driver.new("", tags=["a", "a", "B"]))
    assert error.status is Code.INVALID_ARGUMENT
    own = detail(error, ErrorDetail)
    assert own.app_error_code == AppErrorCode.VALIDATION_FAILED
    assert [(each.field, each.app_error_code) for each in own.field_violations] == [
        ("title", AppErrorCode.TOO_SHORT),
        ("tags[1]", AppErrorCode.DUPLICATE_TAG),
        ("tags[2]", AppErrorCode.INVALID_TAG_FORMAT),
    ]


@step
async def standard_details_have_the_same_violations(driver: Driver) -> None:
    error = await failure(driver.stub.CreateTask(CreateTaskRequest(), metadata=ALICE))
    violations = detail(error, BadRequest).field_violations
    assert [(each.field, each.reason) for each in violations] == [("task", "REQUIRED_FIELD")]
    info = detail(error, ErrorInfo)
    assert (info.reason, info.domain, info.metadata["retryable"]) == ("VALIDATION_FAILED", "candor", "false")
    assert detail(error, Help).links[0].url.endswith("/errors/validation-failed")
    assert error.message == detail(error, ErrorDetail).detail


@step
async def facts_of_an_error_are_values(driver: Driver) -> None:
    error = await failure(driver.stub.ListTasks(ListTasksRequest(filter="nonsense !"), metadata=ALICE))
    own, position = detail(error, ErrorDetail), Value()
    assert own.extensions["position"].Unpack(position) and position.number_value >= 1
    assert own.app_error_code == AppErrorCode.INVALID_FILTER


@step
async def without_a_token_is_unauthenticated(driver: Driver) -> None:
    for metadata in ({}, {"authorization": "Bearer nonsense"}):
        error = await failure(driver.stub.ListTasks(ListTasksRequest(), metadata=metadata))
        assert error.status is Code.UNAUTHENTICATED
        assert detail(error, ErrorDetail).app_error_code == AppErrorCode.AUTHENTICATION_FAILED
        assert detail(error, ErrorInfo).reason == ("INVALID_TOKEN" if metadata else "MISSING_CREDENTIALS")


@step
async def without_the_scope_is_permission_denied(driver: Driver) -> None:
    error = await failure(driver.stub.ListTasks(ListTasksRequest(), metadata=OTHER_USER))
    info = detail(error, ErrorInfo)
    assert (error.status, info.reason) == (Code.PERMISSION_DENIED, "INSUFFICIENT_SCOPE")
    assert info.metadata["scope"] == "tasks"


@step
async def the_task_of_another_user_is_permission_denied(driver: Driver) -> None:
    error = await failure(driver.stub.GetTask(GetTaskRequest(name=os.environ["CANDOR_OTHER"]), metadata=ALICE))
    assert (error.status, detail(error, ErrorInfo).reason) == (Code.PERMISSION_DENIED, "NOT_TASK_OWNER")
    assert detail(error, ErrorDetail).app_error_code == AppErrorCode.PERMISSION_DENIED


@step
async def an_unknown_task_is_not_found(driver: Driver) -> None:
    error = await failure(driver.stub.GetTask(GetTaskRequest(name=f"tasks/{uuid.uuid4()}"), metadata=ALICE))
    own = detail(error, ErrorDetail)
    assert (error.status, own.code) == (Code.NOT_FOUND, "TASK_NOT_FOUND")
    assert own.app_error_code == AppErrorCode.RESOURCE_NOT_FOUND


@step
async def delete(driver: Driver) -> None:
    task = await driver.new("python 8")
    answer = await driver.stub.DeleteTask(DeleteTaskRequest(name=task.name), metadata=ALICE)
    assert task.name in answer.message
    error = await failure(driver.stub.GetTask(GetTaskRequest(name=task.name), metadata=ALICE))
    assert error.status is Code.NOT_FOUND


@step
async def a_deadline_ends_a_call(driver: Driver) -> None:
    request = UpdateTaskRequest(task=Task(name=os.environ["CANDOR_LOCKED"], title="python 9"))
    began = time.monotonic()
    try:
        await driver.stub.UpdateTask(request, metadata=ALICE, timeout=0.5)
    except TimeoutError:  # grpclib itself, or the service
        pass
    except GRPCError as error:
        if error.status is not Code.DEADLINE_EXCEEDED:
            raise
    else:
        raise AssertionError("the task is not locked")
    assert 0.4 < time.monotonic() - began < WITHIN


@step
async def the_same_key_is_answered_again(driver: Driver) -> None:
    metadata = {**ALICE, "idempotency-key": str(uuid.uuid4())}
    request = CreateTaskRequest(task=Task(title="python 10"))
    first, beside = await driver.trailing(driver.stub.CreateTask, request, metadata)
    again, replayed = await driver.trailing(driver.stub.CreateTask, request, metadata)
    assert first == again
    assert ("idempotent-replayed" in beside, replayed["idempotent-replayed"]) == (False, "true")
    other = CreateTaskRequest(task=Task(title="python 10b"))
    error = await failure(driver.stub.CreateTask(other, metadata=metadata))
    assert (error.status, detail(error, ErrorDetail).app_error_code) == (
        Code.INVALID_ARGUMENT,
        AppErrorCode.IDEMPOTENCY_KEY_REUSED,
    )


@step
async def an_invalid_key_is_invalid_argument(driver: Driver) -> None:
    metadata = {**ALICE, "idempotency-key": "x" * 256}
    error = await failure(driver.stub.CreateTask(CreateTaskRequest(task=Task(title="python 11")), metadata=metadata))
    assert detail(error, ErrorDetail).app_error_code == AppErrorCode.INVALID_IDEMPOTENCY_KEY


def batch(*titles: str) -> BatchCreateTasksRequest:
    return BatchCreateTasksRequest(requests=[CreateTaskRequest(task=Task(title=title)) for title in titles])


@step
async def a_batch_lists_failed_items(driver: Driver) -> None:
    await driver.new("python 12")
    made = await driver.stub.BatchCreateTasks(batch("python 12", "python 13"), metadata=ALICE)
    assert [task.title for task in made.tasks] == ["python 13"]
    failed = [(each.index, each.error.code, each.error.app_error_code) for each in made.failures]
    assert failed == [(0, "TASK_TITLE_TAKEN", AppErrorCode.RESOURCE_CONFLICT)]


@step
async def a_batch_that_fails_completely_is_an_error(driver: Driver) -> None:
    error = await failure(driver.stub.BatchCreateTasks(batch("python 12", "python 13"), metadata=ALICE))
    own, items = detail(error, ErrorDetail), ItemFailures()
    assert (error.status, own.app_error_code) == (Code.ALREADY_EXISTS, AppErrorCode.BATCH_FAILED)
    assert own.extensions["failures"].Unpack(items)
    assert [(each.index, each.error.app_error_code) for each in items.failures] == [
        (0, AppErrorCode.RESOURCE_CONFLICT),
        (1, AppErrorCode.RESOURCE_CONFLICT),
    ]


@step
async def the_request_id_is_kept(driver: Driver) -> None:
    metadata = {**ALICE, "x-request-id": "python-request-14"}
    _, beside = await driver.trailing(driver.stub.ListTasks, ListTasksRequest(), metadata)
    assert beside["x-request-id"] == "python-request-14"
    error = await failure(driver.stub.GetTask(GetTaskRequest(name="nonsense"), metadata=metadata))
    assert detail(error, RequestInfo).request_id == "python-request-14"


@step
async def the_service_is_healthy(driver: Driver) -> None:
    stub = health_grpc.HealthStub(driver.channel)
    for name in ("", "todo.v1.TodoService"):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@step
async def reflection_v1_describes_the_service(driver: Driver) -> None:
    stub = reflection_grpc.ServerReflectionStub(driver.channel)
    listed, described = await stub.ServerReflectionInfo(
        [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="errors.v1.AppErrorCode"),
        ]
    )
    assert "todo.v1.TodoService" in {each.name for each in listed.list_services_response.service}
    assert b"RESOURCE_NOT_FOUND" in described.file_descriptor_response.file_descriptor_proto[0]


@step
async def reflection_v1alpha_describes_the_service(driver: Driver) -> None:
    stub = alpha_grpc.ServerReflectionStub(driver.channel)
    listed, described = await stub.ServerReflectionInfo(
        [
            alpha_pb2.ServerReflectionRequest(list_services=""),
            alpha_pb2.ServerReflectionRequest(file_containing_symbol="errors.v1.AppErrorCode"),
        ]
    )
    assert "todo.v1.TodoService" in {each.name for each in listed.list_services_response.service}
    assert b"RESOURCE_NOT_FOUND" in described.file_descriptor_response.file_descriptor_proto[0]


async def simulated(driver: Driver, declared: dict[str, Any]) -> GRPCError:
    """Return the error that the service simulates; the method is known at run time only."""
    method: UnaryUnaryMethod[Any, Any] = getattr(driver.stub, declared["method"])
    metadata = {**ALICE, "simulate-error": declared["code"]}
    while True:
        error = await failure(method(method.request_type(), metadata=metadata))
        if declared["code"] == "RATE_LIMIT_EXCEEDED" or detail(error, ErrorDetail).code != "RATE_LIMIT_EXCEEDED":
            return error
        await asyncio.sleep(detail(error, RetryInfo).retry_delay.seconds)


@step
async def every_declared_error_is_typed(driver: Driver) -> None:
    every = json.loads(Path("errors.json").read_text())
    assert len(every) > 60
    for declared in every:
        error = await simulated(driver, declared)
        own = detail(error, ErrorDetail)
        assert error.status is Code(declared["status"]), (declared, error)
        assert (own.code, own.app_error_code) == (declared["code"], declared["number"]), (declared, error)
        assert detail(error, ErrorInfo).reason == declared["code"]


@step
async def beyond_the_limit_is_resource_exhausted_and_later_not(driver: Driver) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def call() -> GRPCError | None:
        try:
            async with free:
                await driver.stub.ListTasks(ListTasksRequest(page_size=1), metadata=ALICE)
        except GRPCError as error:
            return error
        return None

    errors = [each for each in await asyncio.gather(*(call() for _ in range(CALLS))) if each is not None]
    assert errors and {each.status for each in errors} == {Code.RESOURCE_EXHAUSTED}
    assert detail(errors[0], ErrorDetail).app_error_code == AppErrorCode.RATE_LIMIT_EXCEEDED
    await asyncio.sleep(max(detail(each, RetryInfo).retry_delay.seconds for each in errors))
    assert await call() is None


async def main() -> None:
    async with Channel("127.0.0.1", int(os.environ["CANDOR_PORT"])) as channel:
        for each in STEPS:
            await each(Driver(channel))
            print(each.__name__, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
