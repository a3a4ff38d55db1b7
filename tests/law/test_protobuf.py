"""The committed protobuf code equals the output of protoc, with the promised numbers."""

from pathlib import Path
from typing import Final

import pytest

from app import errs
from app.errs import Fault, Kind
from app.models.tasks import Priority, Status
from app.rpc.error_numbers import error_number, violation_number
from app.rpc.errors import EVERYWHERE
from app.rpc.gen.errors.v1 import errors_pb2
from app.rpc.gen.todo.v1 import todo_pb2
from app.rpc.generate import GEN, generate
from app.rpc.services import METHODS

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
    "ErrorDetail": "code title detail field_violations trace_id timestamp instance extensions app_error_code",
    "FieldViolation": "field description code app_error_code",
}
"""Fields in the order of their numbers, starting at 1."""
CONTRACT: Final = """
0 APP_ERROR_CODE_UNSPECIFIED, 1 VALIDATION_FAILED, 2 REQUIRED_FIELD, 3 TOO_SHORT, 4 TOO_LONG, 5 INVALID_FORMAT,
6 MUST_BE_FUTURE, 7 INVALID_VALUE, 8 DUPLICATE_TAG, 9 INVALID_TAG_FORMAT, 10 OVERDUE_COMPLETION, 11 EMPTY_BATCH,
12 BATCH_TOO_LARGE, 13 DUPLICATE_TITLE, 1001 RESOURCE_NOT_FOUND, 1002 RESOURCE_CONFLICT, 2001 AUTHENTICATION_FAILED,
2002 PERMISSION_DENIED, 3001 RATE_LIMIT_EXCEEDED, 3002 SERVICE_UNAVAILABLE, 9001 INTERNAL_ERROR
"""
"""The numbers of the contract."""
SHARED: Final = frozenset(
    {
        "APP_ERROR_CODE_UNSPECIFIED",
        "RESOURCE_NOT_FOUND",
        "RESOURCE_CONFLICT",
        "AUTHENTICATION_FAILED",
        "PERMISSION_DENIED",
        "INVALID_OPERATION",
    }
)
"""Numbers that several codes share."""


def test_the_committed_stubs_equal_the_output_of_protoc(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools, which generates the stubs, is not installed")
    generate(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.py*") if path.suffix != ".pyc"}
    committed = {path.relative_to(GEN): path.read_text() for path in GEN.rglob("*.py*") if path.suffix != ".pyc"}
    assert made == committed, "make proto"


def test_another_package_is_generated_with_its_own_imports(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools, which generates the stubs, is not installed")
    proto, into = tmp_path / "proto", tmp_path / "gen"
    into.mkdir()
    (proto / "acme" / "v1").mkdir(parents=True)
    (proto / "acme" / "v1" / "money.proto").write_text('syntax = "proto3"; package acme.v1; message Money {}')
    (proto / "acme" / "v1" / "bills.proto").write_text(
        'syntax = "proto3"; package acme.v1; import "acme/v1/money.proto"; message Bill { Money amount = 1; }'
    )
    generate(into, proto)
    for suffix in ("py", "pyi"):
        made = (into / "acme" / "v1" / f"bills_pb2.{suffix}").read_text()
        assert "from app.rpc.gen.acme.v1 import money_pb2" in made
    assert (into / "acme" / "__init__.py").exists()


@pytest.mark.parametrize("message", NUMBERS)
def test_numbers_never_change(message: str) -> None:
    described = {**todo_pb2.DESCRIPTOR.message_types_by_name, **errors_pb2.DESCRIPTOR.message_types_by_name}[message]
    assert [each.name for each in described.fields] == NUMBERS[message].split()
    assert [each.number for each in described.fields] == [*range(1, len(described.fields) + 1)]


def test_enumerations_have_the_numbers_of_the_models() -> None:
    for enum, name in ((Status, "Status"), (Priority, "Priority")):
        values = todo_pb2.DESCRIPTOR.enum_types_by_name[name].values_by_name
        promised = {f"{name.upper()}_{each.name}": each.value for each in enum} | {f"{name.upper()}_UNSPECIFIED": 0}
        assert {value.name: value.number for value in values.values()} == promised


def test_every_method_has_an_http_annotation() -> None:
    """The annotation is that of the HTTP operation."""
    for method in todo_pb2.DESCRIPTOR.services_by_name["TodoService"].methods:
        options = {field.full_name for field, _ in method.GetOptions().ListFields()}
        assert options == {"google.api.http"}


def test_the_numbers_of_the_contract_are_kept() -> None:
    promised = {name: int(number) for number, name in (each.split() for each in CONTRACT.split(","))}
    assert promised.items() <= dict(errors_pb2.AppErrorCode.items()).items()


def test_every_error_over_grpc_has_a_number() -> None:
    """Errors that methods declare, and fallback errors of kinds."""
    answered = {*EVERYWHERE, *(error for method in METHODS.values() for error in method.raises)}
    answered |= {errs.fallback(kind) for kind in Kind}
    lacking = {error.code for error in answered if not error_number(error.code, error.kind)}
    assert lacking == set(), "add them to AppErrorCode in app/rpc/proto/errors/v1/errors.proto, then: make proto"


def test_every_violation_has_a_number() -> None:
    lacking = {code for code in errs.violation_codes() if not violation_number(code)}
    assert lacking == set(), "add them to AppErrorCode in app/rpc/proto/errors/v1/errors.proto, then: make proto"


def test_every_number_belongs_to_a_code() -> None:
    codes = {*errs.named_errors(), *errs.violation_codes(), *SHARED}
    gone = {f"{number} {name}" for name, number in errors_pb2.AppErrorCode.items() if name not in codes}
    assert gone == set(), "reserve the number and the name of a removed code in AppErrorCode, then: make proto"


def test_violations_and_errors_have_separate_ranges() -> None:
    """Numbers of violations are below 1000."""
    for code, number in errors_pb2.AppErrorCode.items():
        if number > 1:
            assert (number < 1000) == (code in errs.violation_codes()), code


def test_codes_share_a_number_only_on_purpose() -> None:
    """Codes with one number have kinds that share it."""
    by_number: dict[int, set[str]] = {}
    for code, error in errs.named_errors().items():
        if error.kind.fault is not Fault.SERVICE:
            by_number.setdefault(error_number(code, error.kind), set()).add(code)
    several = {errors_pb2.AppErrorCode.Name(number) for number, codes in by_number.items() if len(codes) > 1}
    assert several <= SHARED
    assert not errors_pb2.AppErrorCode.DESCRIPTOR.GetOptions().allow_alias
