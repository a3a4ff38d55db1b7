"""What protoc has made of the protocol is what it would make of it today, with the numbers that were promised."""

from pathlib import Path
from typing import Final

import pytest

from app.models.tasks import Priority, Status
from app.rpc.gen.errors.v1 import errors_pb2
from app.rpc.gen.todo.v1 import todo_pb2
from app.rpc.generate import GEN, generate

NUMBERS: Final = {
    "Task": "name title description status priority due_date create_time update_time created_by tags",
    "CreateTaskRequest": "task",
    "GetTaskRequest": "name",
    "ListTasksRequest": "page_size page_token filter order_by",
    "ListTasksResponse": "tasks next_page_token total_size",
    "UpdateTaskRequest": "task update_mask",
    "DeleteTaskRequest": "name",
    "DeleteTaskResponse": "message",
    "BatchCreateTasksRequest": "requests",
    "BatchCreateTasksResponse": "tasks failures",
    "ErrorDetail": "code title detail field_violations trace_id timestamp instance extensions",
    "FieldViolation": "field description code",
}
"""Fields in the order of their numbers, from 1."""


def test_the_committed_stubs_are_what_protoc_makes(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools makes the stubs, and is not installed")
    generate(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.py*") if path.suffix != ".pyc"}
    committed = {path.relative_to(GEN): path.read_text() for path in GEN.rglob("*.py*") if path.suffix != ".pyc"}
    assert made == committed, "make proto"


@pytest.mark.parametrize("message", NUMBERS)
def test_numbers_are_kept_for_ever(message: str) -> None:
    described = {**todo_pb2.DESCRIPTOR.message_types_by_name, **errors_pb2.DESCRIPTOR.message_types_by_name}[message]
    assert [each.name for each in described.fields] == NUMBERS[message].split()
    assert [each.number for each in described.fields] == [*range(1, len(described.fields) + 1)]


def test_enumerations_have_the_numbers_of_the_models() -> None:
    for enum, name in ((Status, "Status"), (Priority, "Priority")):
        values = todo_pb2.DESCRIPTOR.enum_types_by_name[name].values_by_name
        promised = {f"{name.upper()}_{each.name}": each.value for each in enum} | {f"{name.upper()}_UNSPECIFIED": 0}
        assert {value.name: value.number for value in values.values()} == promised


def test_every_method_says_where_it_is_over_http() -> None:
    """Issue 8: HTTP annotations."""
    for method in todo_pb2.DESCRIPTOR.services_by_name["TodoService"].methods:
        options = {field.full_name for field, _ in method.GetOptions().ListFields()}
        assert options == {"google.api.http"}
