"""The numbers of errors and violations, ``AppErrorCode``, as a client receives them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from app import errs
from app.errs import declare
from app.rpc.gen.errors.v1 import errors_pb2
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.conftest import TokenMaker
from tests.rpc.client import Client
from tests.rpc.samples import NAME, REQUESTS

CODE = errors_pb2.AppErrorCode


def batch(*titles: str) -> pb.BatchCreateTasksRequest:
    requests = [pb.CreateTaskRequest(task=pb.Task(title=title)) for title in titles]
    return pb.BatchCreateTasksRequest(requests=requests)


def test_every_violation_has_its_number(alice: Client) -> None:
    past = Timestamp()
    past.FromDatetime(datetime(2001, 1, 1, tzinfo=UTC))
    task = pb.Task(title="", description="x" * 1001, status=9, due_date=past, tags=["a", "a", "A"])  # type: ignore[arg-type]  # an invalid status
    failure = alice.failure("CreateTask", pb.CreateTaskRequest(task=task))
    assert failure.number == CODE.VALIDATION_FAILED == 1
    assert [(each.field, each.app_error_code) for each in failure.details["ErrorDetail"].field_violations] == [
        ("title", CODE.TOO_SHORT),
        ("description", CODE.TOO_LONG),
        ("status", CODE.INVALID_VALUE),
        ("due_date", CODE.MUST_BE_FUTURE),
        ("tags[1]", CODE.DUPLICATE_TAG),
        ("tags[2]", CODE.INVALID_TAG_FORMAT),
    ]


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (batch(), CODE.EMPTY_BATCH),
        (batch(*map(str, range(101))), CODE.BATCH_TOO_LARGE),
        (batch("Buy milk", "Buy milk"), CODE.DUPLICATE_TITLE),
        (pb.BatchCreateTasksRequest(requests=[pb.CreateTaskRequest()]), CODE.REQUIRED_FIELD),
    ],
)
def test_violations_of_batches_have_their_numbers(alice: Client, request_: Message, number: int) -> None:
    failure = alice.failure("BatchCreateTasks", request_)
    assert {each.app_error_code for each in failure.details["ErrorDetail"].field_violations} == {number}


def test_not_found_errors_of_all_resources_share_one_number(alice: Client) -> None:
    failure = alice.failure("GetTask", pb.GetTaskRequest(name=NAME))
    assert (failure.reason, failure.number) == ("TASK_NOT_FOUND", 1001)


def test_a_reused_title_is_a_conflict(alice: Client) -> None:
    alice.create("Buy milk")
    failure = alice.failure("CreateTask", pb.CreateTaskRequest(task=pb.Task(title="Buy milk")))
    assert (failure.reason, failure.number) == ("TASK_TITLE_TAKEN", 1002)


def test_items_of_a_batch_have_their_own_numbers(alice: Client) -> None:
    alice.create("Buy milk")
    made, _ = alice.call("BatchCreateTasks", batch("Buy milk", "Buy tea"))
    assert [(each.index, each.error.app_error_code) for each in made.failures] == [(0, CODE.RESOURCE_CONFLICT)]
    failure = alice.failure("BatchCreateTasks", batch("Buy milk", "Buy tea"))
    assert failure.number == CODE.BATCH_FAILED == 1100
    failures = failure.extensions["failures"].failures
    assert [(each.index, each.error.app_error_code) for each in failures] == [(0, 1002), (1, 1002)]


def test_authentication_and_permission(unauthenticated: Client, port: int, token: TokenMaker) -> None:
    assert unauthenticated.failure("GetTask", REQUESTS["GetTask"]).number == CODE.AUTHENTICATION_FAILED == 2001
    with Client.of(port, "nonsense") as client:
        assert client.failure("GetTask", REQUESTS["GetTask"]).number == 2001
    with Client.of(port, token("alice", "other")) as client:
        assert client.failure("GetTask", REQUESTS["GetTask"]).number == CODE.PERMISSION_DENIED == 2002


def test_another_user_s_task(alice: Client, bob: Client) -> None:
    name = alice.create().name
    assert bob.failure("GetTask", pb.GetTaskRequest(name=name)).number == 2002


def test_an_unknown_method(alice: Client) -> None:
    import grpc

    from tests.rpc.client import Failure

    with pytest.raises(grpc.RpcError) as raised:
        alice.raw("/todo.v1.TodoService/Nothing", b"")
    assert Failure.of(raised.value).number == CODE.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (pb.ListTasksRequest(filter="nonsense !"), CODE.INVALID_FILTER),
        (pb.ListTasksRequest(order_by="nothing"), CODE.INVALID_ORDER_BY),
        (pb.ListTasksRequest(page_token="nonsense"), CODE.INVALID_PAGE_TOKEN),
    ],
)
def test_invalid_list_parameters(alice: Client, request_: Message, number: int) -> None:
    assert alice.failure("ListTasks", request_).number == number


def test_too_many_requests(serve: Callable[..., int], token: TokenMaker) -> None:
    with Client.of(serve(rate_limit="1 per hour"), token("alice")) as client:
        client.call("ListTasks", pb.ListTasksRequest())
        assert client.failure("ListTasks", pb.ListTasksRequest()).number == CODE.RATE_LIMIT_EXCEEDED == 3001


def test_an_unavailable_database(serve: Callable[..., int], token: TokenMaker) -> None:
    port = serve(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with Client.of(port, token("alice")) as client:
        assert client.failure("GetTask", REQUESTS["GetTask"]).number == CODE.SERVICE_UNAVAILABLE == 3002


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (RuntimeError("a bug"), 9001),
        (errs.E(errs.Kind.INVALID, code="PET_ASLEEP", message="The pet is asleep."), 4012),
        (errs.E(errs.Kind.NOT_EXIST, code="PET_NOT_FOUND", message="There is no such pet."), 1001),
        (errs.E(errs.Kind.CONFLICT, code="PET_LOCKED", message="The pet is locked."), 1002),
    ],
)
def test_a_code_without_a_number_has_that_of_its_kind(
    alice: Client, app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception, number: int
) -> None:
    """The codes of a fork that has not numbered them yet."""
    monkeypatch.setattr(declare, "WATCHERS", [])

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(app.extensions["app-services"].tasks, "get", fail)
    assert alice.failure("GetTask", REQUESTS["GetTask"], may_be_a_bug=True).number == number


def test_a_violation_without_a_number_has_none(alice: Client, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, "WATCHERS", [])

    def fail(*_: object, **__: object) -> None:
        raise errs.requests.ValidationFailed(violations=(errs.Violation.of_member("age", "PET_TOO_OLD", "too old"),))

    monkeypatch.setattr(app.extensions["app-services"].tasks, "get", fail)
    failure = alice.failure("GetTask", REQUESTS["GetTask"])
    assert [(each.code, each.app_error_code) for each in failure.details["ErrorDetail"].field_violations] == [
        ("PET_TOO_OLD", 0)
    ]


def test_clients_without_the_numbers_read_the_remaining_fields(alice: Client) -> None:
    """Their messages are derived from today's descriptors without the new fields."""
    file = descriptor_pb2.FileDescriptorProto()
    errors_pb2.DESCRIPTOR.CopyToProto(file)
    for message in file.message_type:
        for field in [each for each in message.field if each.name == "app_error_code"]:
            message.field.remove(field)
    del file.enum_type[:]
    pool = descriptor_pool.DescriptorPool()
    for name in file.dependency:
        pool.AddSerializedFile(descriptor_pool.Default().FindFileByName(name).serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    old = message_factory.GetMessageClass(pool.FindMessageTypeByName("errors.v1.ErrorDetail"))
    sent = alice.failure("CreateTask", pb.CreateTaskRequest()).details["ErrorDetail"]
    read = old.FromString(sent.SerializeToString())
    assert (read.code, read.field_violations[0].code) == ("VALIDATION_FAILED", "REQUIRED_FIELD")  # type: ignore[attr-defined]  # the message class is built above
    assert read.SerializeToString(deterministic=True) == sent.SerializeToString(deterministic=True)
