"""Tasks over gRPC, compared with the same tasks over HTTP."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.api.caller import Caller, answered
from tests.rpc.client import Client
from tests.rpc.conftest import Log
from tests.rpc.samples import NAME
from tests.rpc.test_hooks import until
from tests.scrape import growth

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=123456)


def moment(at: datetime) -> Timestamp:
    """Return a time as a protobuf message."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def violated(client: Client, method: str, request: Any) -> list[tuple[str, str]]:
    """Return the violated rules of a call."""
    failure = client.failure(method, request)
    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    return failure.violations


def creation(**members: Any) -> pb.CreateTaskRequest:
    """Return a request for a task."""
    return pb.CreateTaskRequest(task=pb.Task(**members))


class TestCreate:
    def test_ok(self, alice: Client, over_http: Caller) -> None:
        """Both protocols show the same row."""
        task = alice.create(
            "Buy milk",
            description="",
            status=pb.STATUS_IN_PROGRESS,
            priority=pb.PRIORITY_HIGH,
            due_date=moment(TOMORROW),
            tags=["home", "b"],
        )
        told = answered(over_http.get(f"/v1/{task.name}"))
        assert told["name"] == task.name
        assert (told["title"], told["description"], told["tags"]) == ("Buy milk", "", ["home", "b"])
        assert (told["status"], told["priority"]) == ("STATUS_IN_PROGRESS", "PRIORITY_HIGH")
        assert told["due_date"] == TOMORROW.isoformat().replace("+00:00", "Z") == task.due_date.ToJsonString()
        assert (told["created_by"], told["create_time"]) == ("alice", task.create_time.ToJsonString())
        assert task == alice.get(task.name)

    def test_an_unset_field_has_its_default(self, alice: Client) -> None:
        task = alice.create(status=pb.STATUS_UNSPECIFIED, priority=pb.PRIORITY_UNSPECIFIED)
        assert (task.status, task.priority, [*task.tags]) == (pb.STATUS_PENDING, pb.PRIORITY_MEDIUM, [])
        assert not task.HasField("due_date")
        assert not task.HasField("description")

    def test_output_only_fields_are_ignored(self, alice: Client) -> None:
        task = alice.create(name=NAME, created_by="bob", create_time=moment(TOMORROW), update_time=moment(TOMORROW))
        assert (task.created_by, task.name == NAME) == ("alice", False)

    def test_a_reused_title(self, alice: Client, over_http: Caller) -> None:
        over_http.task("Buy milk")
        failure = alice.failure("CreateTask", creation(title="Buy milk "))
        assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "TASK_TITLE_TAKEN")
        assert failure.facts["param"] == "title"

    def test_all_violations_are_listed(self, alice: Client) -> None:
        broken = creation(due_date=Timestamp(seconds=1), tags=["Home", "b", "b"], status=9, priority=-1)
        assert violated(alice, "CreateTask", broken) == [
            ("title", "REQUIRED_FIELD"),
            ("status", "INVALID_VALUE"),
            ("priority", "INVALID_VALUE"),
            ("due_date", "MUST_BE_FUTURE"),
            ("tags[0]", "INVALID_TAG_FORMAT"),
            ("tags[2]", "DUPLICATE_TAG"),
        ]

    @pytest.mark.parametrize(
        ("members", "expected"),
        [
            ({}, ("title", "REQUIRED_FIELD")),
            ({"title": ""}, ("title", "TOO_SHORT")),
            ({"title": " "}, ("title", "TOO_SHORT")),
            ({"title": "\u200b"}, ("title", "TOO_SHORT")),
            ({"title": "\u2800\u3164\u0378"}, ("title", "TOO_SHORT")),
            ({"title": "x" * 201}, ("title", "TOO_LONG")),
            ({"title": "a\0b"}, ("title", "INVALID_FORMAT")),
            ({"title": "a", "description": "a\0b"}, ("description", "INVALID_FORMAT")),
            ({"title": "a", "tags": ["a\0b"]}, ("tags[0]", "INVALID_TAG_FORMAT")),
            ({"title": "a", "tags": [""]}, ("tags[0]", "INVALID_TAG_FORMAT")),
            ({"title": "a", "tags": [str(n) for n in range(11)]}, ("tags", "TOO_LONG")),
            ({"title": "a", "due_date": Timestamp()}, ("due_date", "MUST_BE_FUTURE")),
            ({"title": "a", "due_date": Timestamp(seconds=2**62)}, ("due_date", "INVALID_FORMAT")),
            ({"title": "a", "due_date": Timestamp(seconds=-(2**62))}, ("due_date", "INVALID_FORMAT")),
            ({"title": "a", "due_date": Timestamp(seconds=4102444800, nanos=-1)}, ("due_date", "INVALID_FORMAT")),
            (
                {"title": "a", "due_date": Timestamp(seconds=4102444800, nanos=2**31 - 1)},
                ("due_date", "INVALID_FORMAT"),
            ),
            (
                {"title": "a", "due_date": Timestamp(seconds=4102444800, nanos=123456789)},
                ("due_date", "INVALID_FORMAT"),
            ),
            ({"title": "a", "due_date": Timestamp(seconds=253402300800)}, ("due_date", "INVALID_FORMAT")),
        ],
    )
    def test_each_rule(self, alice: Client, members: dict[str, Any], expected: tuple[str, str]) -> None:
        """A value that HTTP cannot express is rejected with the nearest code."""
        assert violated(alice, "CreateTask", creation(**members)) == [expected]

    def test_the_latest_possible_time(self, alice: Client) -> None:
        last = Timestamp(seconds=253402300799, nanos=999999000)
        assert alice.get(alice.create(due_date=last).name).due_date == last

    def test_a_missing_task(self, alice: Client) -> None:
        assert violated(alice, "CreateTask", pb.CreateTaskRequest()) == [("task", "REQUIRED_FIELD")]


class TestGet:
    @pytest.mark.parametrize("name", [NAME, NAME.upper().replace("TASKS", "tasks"), f"tasks/{UUID(int=0)}"])
    def test_an_unknown_name(self, alice: Client, name: str) -> None:
        failure = alice.failure("GetTask", pb.GetTaskRequest(name=name))
        assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "TASK_NOT_FOUND")

    def test_another_user_s_task(self, alice: Client, bob: Client) -> None:
        failure = bob.failure("GetTask", pb.GetTaskRequest(name=alice.create().name))
        assert (failure.code, failure.reason) == (StatusCode.PERMISSION_DENIED, "NOT_TASK_OWNER")


class TestList:
    @pytest.fixture
    def three(self, alice: Client) -> Sequence[str]:
        """Return the titles of three tasks, the newest first."""
        for title in ("a", "b", "c"):
            alice.create(title)
        return ["c", "b", "a"]

    def test_ok(self, alice: Client, bob: Client, three: Sequence[str]) -> None:
        bob.create("d")
        page: pb.ListTasksResponse = alice.call("ListTasks", pb.ListTasksRequest())[0]
        assert [task.title for task in page.tasks] == three
        assert (page.next_page_token, page.total_size) == ("", 3)

    def test_filter_and_order(self, alice: Client, three: Sequence[str]) -> None:
        request = pb.ListTasksRequest(filter='title != "b"', order_by="title")
        assert [task.title for task in alice.call("ListTasks", request)[0].tasks] == ["a", "c"]

    def test_a_page_token_of_one_protocol_is_valid_in_the_other(
        self, alice: Client, over_http: Caller, three: Sequence[str]
    ) -> None:
        first = alice.call("ListTasks", pb.ListTasksRequest(page_size=1))[0]
        assert over_http.titles(page_size=1, page_token=first.next_page_token) == ["b"]
        second = answered(over_http.list_tasks(page_size=2))
        request = pb.ListTasksRequest(page_size=1, page_token=second["next_page_token"])
        assert [task.title for task in alice.call("ListTasks", request)[0].tasks] == ["a"]

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({"filter": "colour = red"}, "INVALID_FILTER"),
            ({"order_by": "colour"}, "INVALID_ORDER_BY"),
            ({"page_token": "x"}, "INVALID_PAGE_TOKEN"),
            ({"page_token": "a\0b"}, "INVALID_PAGE_TOKEN"),
            ({"page_token": "\N{SNOWMAN}"}, "INVALID_PAGE_TOKEN"),
        ],
    )
    def test_invalid_parameters(self, alice: Client, parameters: dict[str, Any], reason: str) -> None:
        failure = alice.failure("ListTasks", pb.ListTasksRequest(**parameters))
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, reason)

    @pytest.mark.parametrize("name", ["filter", "order_by"])
    def test_control_characters(self, alice: Client, name: str) -> None:
        request: dict[str, Any] = {name: "a\0b"}
        assert violated(alice, "ListTasks", pb.ListTasksRequest(**request)) == [(name, "INVALID_FORMAT")]

    def test_a_negative_page_size(self, alice: Client) -> None:
        assert violated(alice, "ListTasks", pb.ListTasksRequest(page_size=-1)) == [("page_size", "INVALID_VALUE")]

    def test_a_large_page_size_is_reduced(self, alice: Client, three: Sequence[str]) -> None:
        assert len(alice.call("ListTasks", pb.ListTasksRequest(page_size=2**31 - 1))[0].tasks) == 3


class TestUpdate:
    def update(self, client: Client, task: pb.Task, *paths: str, **members: Any) -> pb.Task:
        """Update the fields of the mask; without a mask, the fields that are set."""
        mask = FieldMask(paths=paths) if paths else None
        request = pb.UpdateTaskRequest(task=pb.Task(name=task.name, **members), update_mask=mask)
        updated: pb.Task = client.call("UpdateTask", request)[0]
        return updated

    def test_set_fields_are_updated(self, alice: Client) -> None:
        task = alice.create(tags=["a"], description="x")
        updated = self.update(alice, task, status=pb.STATUS_COMPLETED, description="")
        assert (updated.title, updated.status, [*updated.tags]) == ("Buy milk", pb.STATUS_COMPLETED, ["a"])
        assert updated.HasField("description")
        assert updated.update_time.ToDatetime() > task.update_time.ToDatetime()

    def test_masked_fields_that_are_unset_are_cleared(self, alice: Client) -> None:
        task = alice.create(tags=["a"], description="x", due_date=moment(TOMORROW), priority=pb.PRIORITY_LOW)
        updated = self.update(alice, task, "tags", "description", "due_date", "priority", title="ignored")
        assert ([*updated.tags], updated.HasField("description"), updated.HasField("due_date")) == ([], False, False)
        assert (updated.priority, updated.title) == (pb.PRIORITY_MEDIUM, "Buy milk")

    def test_an_update_without_changes(self, alice: Client) -> None:
        task = alice.create()
        assert self.update(alice, task) == task

    @pytest.mark.parametrize("paths", [[], [""], ["name"], ["create_time"], ["*"], ["title", "colour"], ["task.title"]])
    def test_a_mask_that_is_empty_or_has_unknown_fields(self, alice: Client, paths: list[str]) -> None:
        request = pb.UpdateTaskRequest(task=alice.create(), update_mask=FieldMask(paths=paths))
        assert violated(alice, "UpdateTask", request) == [("update_mask", "INVALID_VALUE")]

    def test_the_title_cannot_be_cleared(self, alice: Client) -> None:
        request = pb.UpdateTaskRequest(task=pb.Task(name=NAME), update_mask=FieldMask(paths=["title"]))
        assert violated(alice, "UpdateTask", request) == [("title", "REQUIRED_FIELD")]

    def test_mask_and_task_are_validated_together(self, alice: Client) -> None:
        request = pb.UpdateTaskRequest(task=pb.Task(title=""), update_mask=FieldMask(paths=["x"]))
        assert violated(alice, "UpdateTask", request) == [
            ("update_mask", "INVALID_VALUE"),
            ("name", "REQUIRED_FIELD"),
            ("title", "TOO_SHORT"),
        ]

    def test_a_rule_of_the_model(self, alice: Client) -> None:
        task = alice.create()
        request = pb.UpdateTaskRequest(task=pb.Task(name=task.name, due_date=Timestamp(seconds=1)))
        assert violated(alice, "UpdateTask", request) == [("due_date", "MUST_BE_FUTURE")]

    def test_a_reused_title(self, alice: Client) -> None:
        alice.create("a")
        request = pb.UpdateTaskRequest(task=pb.Task(name=alice.create("b").name, title="a"))
        assert alice.failure("UpdateTask", request).reason == "TASK_TITLE_TAKEN"

    @pytest.mark.parametrize("method", ["UpdateTask", "DeleteTask"])
    def test_another_user_s_task_and_an_unknown_task(self, alice: Client, bob: Client, method: str) -> None:
        def request(name: str) -> Any:
            kinds = {
                "UpdateTask": pb.UpdateTaskRequest(task=pb.Task(name=name)),
                "DeleteTask": pb.DeleteTaskRequest(name=name),
            }
            return kinds[method]

        assert bob.failure(method, request(alice.create().name)).reason == "NOT_TASK_OWNER"
        assert bob.failure(method, request(NAME)).reason == "TASK_NOT_FOUND"


class TestDelete:
    def test_ok(self, alice: Client) -> None:
        task = alice.create()
        told = alice.call("DeleteTask", pb.DeleteTaskRequest(name=task.name))[0]
        assert told.message == f"Task {task.name} deleted successfully"
        assert alice.failure("GetTask", pb.GetTaskRequest(name=task.name)).code is StatusCode.NOT_FOUND


class TestBatchCreate:
    def test_ok(self, alice: Client) -> None:
        batch = alice.call("BatchCreateTasks", pb.BatchCreateTasksRequest(requests=[creation(title="a")]))[0]
        assert [task.title for task in batch.tasks] == ["a"]

    def test_some_fail(self, alice: Client, log: Log) -> None:
        alice.create("a")
        request = pb.BatchCreateTasksRequest(requests=[creation(title="b"), creation(title="a")])
        with growth("errors_total", code="TASK_TITLE_TAKEN", fault="client") as counted:
            batch: pb.BatchCreateTasksResponse = alice.call("BatchCreateTasks", request)[0]
            until(lambda: len(log.access) == 2)
        outcome = {"total": 2, "created": 1, "failed": 1}
        (entry,) = log.errors
        assert (counted.by, entry["items"], entry["batch"]) == (1, {"TASK_TITLE_TAKEN": [1]}, outcome)
        assert log.access[1]["batch"] == outcome
        assert [task.title for task in batch.tasks] == ["b"]
        (failed,) = batch.failures
        assert (failed.index, failed.error.code, failed.error.trace_id) == (1, "TASK_TITLE_TAKEN", "")

    def test_all_fail(self, alice: Client, log: Log) -> None:
        alice.create("a")
        failure = alice.failure("BatchCreateTasks", pb.BatchCreateTasksRequest(requests=[creation(title="a")]))
        assert (failure.code, failure.reason, failure.facts["count"]) == (
            StatusCode.ALREADY_EXISTS,
            "BATCH_FAILED",
            "1",
        )
        assert [each.index for each in failure.extensions["failures"].failures] == [0]
        assert log.errors[0]["items"] == {"TASK_TITLE_TAKEN": [0]}

    def test_an_item_with_violations(self, alice: Client) -> None:
        request = pb.BatchCreateTasksRequest(requests=[creation(title="a"), creation(), pb.CreateTaskRequest()])
        assert violated(alice, "BatchCreateTasks", request) == [
            ("requests[1].task.title", "REQUIRED_FIELD"),
            ("requests[2].task", "REQUIRED_FIELD"),
        ]
        assert alice.call("ListTasks", pb.ListTasksRequest())[0].total_size == 0

    @pytest.mark.parametrize(("count", "code"), [(0, "EMPTY_BATCH"), (101, "BATCH_TOO_LARGE")])
    def test_too_few_and_too_many(self, alice: Client, count: int, code: str) -> None:
        request = pb.BatchCreateTasksRequest(requests=[creation(title=str(n)) for n in range(count)])
        assert violated(alice, "BatchCreateTasks", request) == [("requests", code)]

    def test_an_error_with_a_hundred_items_arrives(self, alice: Client) -> None:
        """Clients accept it with their default limit on metadata."""
        request = pb.BatchCreateTasksRequest(requests=[creation(title="")] * 100)
        failure = alice.failure("BatchCreateTasks", request)
        assert failure.facts["truncated"] == "true"
        assert failure.violations[0] == ("requests[0].task.title", "TOO_SHORT")


def test_an_unknown_method(alice: Client) -> None:
    """UNIMPLEMENTED, with the list of existing methods."""
    for path in ("/todo.v1.TodoService/Drop", "/other.Service/GetTask", "/x"):
        with pytest.raises(grpc.RpcError) as raised:
            alice.raw(path, b"")
        assert raised.value.code() is StatusCode.UNIMPLEMENTED
