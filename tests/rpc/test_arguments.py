"""Requests that are invalid in any state of the service: every method returns INVALID_ARGUMENT with violations.

The tests take messages and fields from the descriptors; an added method is covered automatically.
"""

from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from flask import Flask
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from grpc import StatusCode

from app.extensions import db
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.services import METHODS
from tests.rpc.client import Client, Failure
from tests.rpc.samples import NAME, REQUESTS
from tests.sent_statements import seen

NUL: Final = "a\0B"
ANSWERED_EMPTY: Final = {"ListTasks"}
"""Methods whose fields are all optional."""
EVERY: Final = [(method.name.rpartition("/")[2], method.takes) for method in METHODS.values()]
ILL_FORMED: Final = (
    *("tasks", "tasks/", "tasks/x", "/", NAME[6:], f"users/{NAME[6:]}", f"{NAME}/x", f"/{NAME}", f"{NAME} "),
    *("tasks/00000000000000000000000000000000", "tasks/{8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33}", "a\0b", "x" * 5000),
)
Path = tuple[str, ...]


def texts(message: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every string field of a message."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (*path, field.name)
        elif field.message_type is not None:
            yield from texts(field.message_type, (*path, field.name))


def put(message: Any, path: Path, value: str) -> None:
    """Set the string at a path; of a repeated field, the first one."""
    name, *rest = path
    is_repeated = message.DESCRIPTOR.fields_by_name[name].is_repeated
    if rest:
        inner = getattr(message, name)
        put((inner[0] if inner else inner.add()) if is_repeated else inner, tuple(rest), value)
    elif is_repeated:
        getattr(message, name)[:] = [value]
    else:
        setattr(message, name, value)


def violated(failure: Failure) -> list[tuple[str, str]]:
    """Return the violations of a call, which must fail with them."""
    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    return failure.violations


@pytest.mark.parametrize(("name", "takes"), EVERY)
def test_an_empty_request_succeeds_or_lists_missing_fields(alice: Client, name: str, takes: type[Message]) -> None:
    if name in ANSWERED_EMPTY:
        alice.call(name, takes())
    else:
        codes = {code for _, code in violated(alice.failure(name, takes()))}
        assert codes in ({"REQUIRED_FIELD"}, {"EMPTY_BATCH"})


def test_a_missing_task_is_a_violation(alice: Client) -> None:
    assert violated(alice.failure("CreateTask", pb.CreateTaskRequest())) == [("task", "REQUIRED_FIELD")]
    assert violated(alice.failure("UpdateTask", pb.UpdateTaskRequest())) == [("task", "REQUIRED_FIELD")]
    asked = pb.UpdateTaskRequest(update_mask=FieldMask(paths=["x"]))
    assert violated(alice.failure("UpdateTask", asked)) == [
        ("update_mask", "INVALID_VALUE"),
        ("task", "REQUIRED_FIELD"),
    ]
    batch = pb.BatchCreateTasksRequest(requests=[REQUESTS["CreateTask"], pb.CreateTaskRequest()])  # type: ignore[list-item]  # another message type
    assert violated(alice.failure("BatchCreateTasks", batch)) == [("requests[1].task", "REQUIRED_FIELD")]


def named(method: str, name: str) -> Message:
    """Return a request for a task with this name."""
    if method == "UpdateTask":
        return pb.UpdateTaskRequest(task=pb.Task(name=name, title="a"))
    return {"GetTask": pb.GetTaskRequest, "DeleteTask": pb.DeleteTaskRequest}[method](name=name)


@pytest.mark.parametrize("method", ["GetTask", "UpdateTask", "DeleteTask"])
def test_a_missing_or_malformed_name_is_a_violation(alice: Client, method: str) -> None:
    assert violated(alice.failure(method, named(method, ""))) == [("name", "REQUIRED_FIELD")]
    for name in ILL_FORMED:
        assert violated(alice.failure(method, named(method, name))) == [("name", "INVALID_FORMAT")], name
    assert alice.failure(method, named(method, NAME)).code is StatusCode.NOT_FOUND


def test_a_name_is_listed_together_with_other_violations(alice: Client) -> None:
    asked = pb.UpdateTaskRequest(task=pb.Task(name="x", title="", tags=["BAD"]))
    assert violated(alice.failure("UpdateTask", asked)) == [
        ("name", "INVALID_FORMAT"),
        ("title", "TOO_SHORT"),
        ("tags[0]", "INVALID_TAG_FORMAT"),
    ]


def test_a_nul_character_in_any_string_is_rejected_or_the_string_is_ignored(alice: Client, app: Flask) -> None:
    """Strings that only the service writes are ignored. None reaches PostgreSQL."""
    reached: list[str] = []

    def see(statement: str, parameters: Any) -> None:
        if "\\x00" in repr(parameters) or "\\u0000" in repr(parameters):
            reached.append(statement)

    rejected = 0
    with app.app_context(), seen(db.engine, see):
        for method, takes in EVERY:
            for path in texts(takes.DESCRIPTOR):
                request = takes()
                request.CopyFrom(REQUESTS[method])
                put(request, path, NUL)
                try:
                    alice.call(method, request)
                except grpc.RpcError as error:
                    failure = Failure.of(error)
                    is_read_only = path[-1] in {"created_by", "name"}
                    assert failure.code is StatusCode.INVALID_ARGUMENT or is_read_only, (method, path, failure)
                    rejected += failure.code is StatusCode.INVALID_ARGUMENT
                else:
                    assert path[-1] in {"created_by", "name"}, (method, path)
    assert rejected > 15
    assert reached == []
