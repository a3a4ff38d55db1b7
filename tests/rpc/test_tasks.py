"""Issue 8, section 3.1: tasks over gRPC."""

import grpc

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.api.caller import Caller, answered
from tests.rpc.client import Client


class TestCreate:
    def test_ok(self, alice: Client, over_http: Caller) -> None:
        task = alice.create("Buy milk", tags=["home"])
        assert (task.title, task.status, task.priority) == ("Buy milk", pb.STATUS_PENDING, pb.PRIORITY_MEDIUM)
        assert answered(over_http.get(f"/v1/{task.name}"))["title"] == "Buy milk"

    def test_a_title_twice(self, alice: Client) -> None:
        alice.create()
        failure = alice.refused("CreateTask", pb.CreateTaskRequest(task=pb.Task(title="Buy milk ")))
        assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TASK_TITLE_TAKEN")
