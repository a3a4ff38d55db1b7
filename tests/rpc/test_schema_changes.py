"""A schema change while the server runs: no call fails."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from app.config import Settings
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.rpc.client import Client
from tests.schema_changes import CHANGES, changed

PREPARED = 8
"""Repetitions after which psycopg has prepared a statement."""


def use(client: Client, turn: str) -> None:
    """Call methods that read and write tasks; every call succeeds."""
    task = client.create(f"created {turn}")
    assert client.get(task.name) == task
    client.call("ListTasks", pb.ListTasksRequest())
    renamed = pb.Task(name=task.name, title=f"changed {turn}")
    client.call("UpdateTask", pb.UpdateTaskRequest(task=renamed, update_mask=FieldMask(paths=["title"])))
    client.call("DeleteTask", pb.DeleteTaskRequest(name=task.name))


@pytest.mark.parametrize("name", CHANGES)
def test_no_call_fails(alice: Client, settings: Settings, name: str) -> None:
    for turn in range(PREPARED):
        use(alice, f"before {turn}")
    with changed(settings, name):
        for turn in range(PREPARED):
            use(alice, f"meanwhile {turn}")
    use(alice, "afterwards")
