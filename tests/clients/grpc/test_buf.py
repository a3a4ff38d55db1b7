"""buf: the protocol is formatted and obeys its rules, and a change that breaks clients is found."""

import os
import re
from pathlib import Path
from typing import Final

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from app.config import ROOT
from app.rpc.gen.errors.v1 import errors_pb2
from app.rpc.gen.todo.v1 import todo_pb2
from app.rpc.generate import PROTO, describe
from tests.clients.grpc.conftest import run

RULES: Final = PROTO / "buf.yaml"
RELEASE: Final = Path(os.environ.get("BUF_AGAINST", ROOT / "contract" / "proto.json"))
"""The ``FileDescriptorSet`` of the last release, in binary form or in JSON."""
ERRORS, TODO = "errors/v1/errors.proto", "todo/v1/todo.proto"
BREAKING: Final = {
    "a field is removed": (TODO, "  string created_by = 9;", "", 'field "9" with name "created_by"'),
    "a field has another number": (TODO, "string created_by = 9;", "string created_by = 11;", 'field "9"'),
    "a field has another name": (TODO, "string created_by = 9;", "string creator = 9;", '"created_by" to "creator"'),
    "a field has another type": (TODO, "int32 total_size", "int64 total_size", '"int32" to "int64"'),
    "a field is no longer optional": (TODO, "optional string title", "string title", "cardinality"),
    "a field is no longer a list": (TODO, "repeated string tags", "string tags", "cardinality"),
    "a value is removed": (ERRORS, "  BATCH_FAILED = 1100;", "", 'enum value "1100"'),
    "a number is used for another code": (ERRORS, "TOO_LONG = 4;", "TOO_WIDE = 4;", '"TOO_LONG" to "TOO_WIDE"'),
    "a value has another number": (ERRORS, "TOO_COMMON = 26;", "TOO_COMMON = 29;", 'enum value "26"'),
    "a method is removed": (TODO, "DeleteTask(DeleteTaskRequest)", "RemoveTask(DeleteTaskRequest)", 'RPC "DeleteTask"'),
    "a method takes another message": (TODO, "GetTask(GetTaskRequest)", "GetTask(DeleteTaskRequest)", "request type"),
    "a method streams": (TODO, "returns (ListTasksResponse)", "returns (stream ListTasksResponse)", "server streaming"),
    "the service has another name": (TODO, "service TodoService", "service TaskService", 'service "TodoService"'),
}
"""The file, the replaced text, its replacement, and the message of buf."""
HARMLESS: Final = {
    "a field is added": (TODO, "string created_by = 9;", "string created_by = 9;\n  string colour = 11;"),
    "a value is added": (ERRORS, "BATCH_FAILED = 1100;", "BATCH_FAILED = 1100;\n  PET_ASLEEP = 1500;"),
    "a message is added": (TODO, "message GetTaskRequest", "message Colour {}\nmessage GetTaskRequest"),
    "a description has changed": (TODO, "// Returns a task.", "// Returns one task."),
}


def buf(*arguments: str | Path, cwd: Path, code: int = 0) -> str:
    return run("buf", *arguments, cwd=cwd, code=code)


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """Return the descriptor set of the protocol with a change."""
    text = (folder / "proto" / name).read_text()
    assert text.count(old) == 1, old
    (folder / "proto" / name).write_text(text.replace(old, new))
    describe(folder / "changed.binpb", folder / "proto")
    return folder / "changed.binpb"


def test_files_are_formatted(folder: Path) -> None:
    assert buf("format", "--diff", "--exit-code", "proto", cwd=folder) == ""


def test_a_file_that_is_not_formatted_is_found(folder: Path) -> None:
    path = folder / "proto" / TODO
    path.write_text(path.read_text().replace("  string name = 1;", "    string name=1;"))
    assert "string name=1;" in buf("format", "--diff", "--exit-code", "proto", cwd=folder, code=100)


def test_rules_are_obeyed(folder: Path) -> None:
    assert buf("lint", "candor.binpb", "--config", RULES, cwd=folder) == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        (TODO, "  // The progress.\n", "", 'Field "status" should have a non-empty comment'),
        (TODO, "STATUS_PENDING = 1", "PENDING = 1", 'should be prefixed with "STATUS_"'),
        (ERRORS, "TOO_LONG = 4", "tooLong = 4", "UPPER_SNAKE_CASE"),
        (TODO, "int32 total_size", "int32 totalSize", "lower_snake_case"),
    ],
)
def test_a_broken_rule_is_found(folder: Path, name: str, old: str, new: str, says: str) -> None:
    assert says in buf("lint", changed(folder, name, old, new), "--config", RULES, cwd=folder, code=100)


@pytest.mark.parametrize("change", BREAKING)
def test_a_change_that_breaks_clients_is_found(folder: Path, change: str) -> None:
    name, old, new, says = BREAKING[change]
    image = changed(folder, name, old, new)
    found = buf("breaking", image, "--against", "candor.binpb", "--config", RULES, cwd=folder, code=100)
    assert says in found


@pytest.mark.parametrize("change", HARMLESS)
def test_a_compatible_change_is_accepted(folder: Path, change: str) -> None:
    image = changed(folder, *HARMLESS[change])
    assert buf("breaking", image, "--against", "candor.binpb", "--config", RULES, cwd=folder) == ""


def released(folder: Path) -> Path:
    """Return the descriptor set of the release.

    Descriptors in Python modules have no JSON names, and a record of them lacks the files of Google: those of today are
    added.
    """
    found, today = FileDescriptorSet(), FileDescriptorSet.FromString((folder / "candor.binpb").read_bytes())
    if RELEASE.suffix == ".json":
        json_format.Parse(RELEASE.read_text(), found)
    else:
        found.ParseFromString(RELEASE.read_bytes())
    names = {file.name for file in found.file}
    imports = [file for file in today.file if file.name.startswith("google/") and file.name not in names]
    for message in [each for file in found.file for each in file.message_type]:
        for field in [*message.field, *(field for nested in message.nested_type for field in nested.field)]:
            field.json_name = field.json_name or re.sub(r"_(\w)", lambda found: found[1].upper(), field.name)
    complete = FileDescriptorSet(file=[*imports, *found.file])
    (folder / "release.binpb").write_bytes(complete.SerializeToString())
    return folder / "release.binpb"


@pytest.mark.skipif(not RELEASE.exists(), reason="there is no release yet")
def test_no_change_since_the_release_breaks_clients(folder: Path) -> None:
    against = released(folder)
    assert buf("breaking", "candor.binpb", "--against", against, "--config", RULES, cwd=folder) == ""


@pytest.mark.parametrize("suffix", [".json", ".binpb"])
def test_a_release_is_read_in_both_forms(folder: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the files of Google, as `flask contract accept` records it from the Python modules."""
    modules = (errors_pb2, todo_pb2)
    own = FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])
    path = folder / f"recorded{suffix}"
    if suffix == ".json":
        path.write_text(json_format.MessageToJson(own))
    else:
        path.write_bytes(own.SerializeToString())
    monkeypatch.setattr("tests.clients.grpc.test_buf.RELEASE", path)
    against = ("--against", released(folder), "--config", RULES)
    assert buf("breaking", "candor.binpb", *against, cwd=folder) == ""
    name, old, new, says = BREAKING["a field is removed"]
    assert says in buf("breaking", changed(folder, name, old, new), *against, cwd=folder, code=100)
