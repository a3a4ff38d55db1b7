"""Tasks over gRPC, beside what HTTP says of the same ones."""

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
    """Return a moment as the protocol has it."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def violated(client: Client, method: str, request: Any) -> list[tuple[str, str]]:
    """Return which rules a call breaks."""
    failure = client.refused(method, request)
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

    def test_what_is_not_said_is_the_default(self, alice: Client) -> None:
        task = alice.create(status=pb.STATUS_UNSPECIFIED, priority=pb.PRIORITY_UNSPECIFIED)
        assert (task.status, task.priority, [*task.tags]) == (pb.STATUS_PENDING, pb.PRIORITY_MEDIUM, [])
        assert not task.HasField("due_date")
        assert not task.HasField("description")

    def test_what_only_the_service_writes_is_ignored(self, alice: Client) -> None:
        task = alice.create(name=NAME, created_by="bob", create_time=moment(TOMORROW), update_time=moment(TOMORROW))
        assert (task.created_by, task.name == NAME) == ("alice", False)

    def test_a_title_that_is_taken(self, alice: Client, over_http: Caller) -> None:
        over_http.task("Buy milk")
        failure = alice.refused("CreateTask", creation(title="Buy milk "))
        assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "TASK_TITLE_TAKEN")
        assert failure.facts["param"] == "title"

    def test_all_violations_at_once(self, alice: Client) -> None:
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
        """What has no spelling over HTTP is refused as what comes nearest to it."""
        assert violated(alice, "CreateTask", creation(**members)) == [expected]

    def test_the_last_moment_there_is(self, alice: Client) -> None:
        last = Timestamp(seconds=253402300799, nanos=999999000)
        assert alice.get(alice.create(due_date=last).name).due_date == last

    def test_no_task_at_all(self, alice: Client) -> None:
        assert violated(alice, "CreateTask", pb.CreateTaskRequest()) == [("task", "REQUIRED_FIELD")]


class TestGet:
    @pytest.mark.parametrize("name", [NAME, NAME.upper().replace("TASKS", "tasks"), f"tasks/{UUID(int=0)}"])
    def test_nothing_of_that_name(self, alice: Client, name: str) -> None:
        failure = alice.refused("GetTask", pb.GetTaskRequest(name=name))
        assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "TASK_NOT_FOUND")

    def test_somebody_elses(self, alice: Client, bob: Client) -> None:
        failure = bob.refused("GetTask", pb.GetTaskRequest(name=alice.create().name))
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
        asked = pb.ListTasksRequest(filter='title != "b"', order_by="title")
        assert [task.title for task in alice.call("ListTasks", asked)[0].tasks] == ["a", "c"]

    def test_a_page_of_one_protocol_goes_on_in_the_other(
        self, alice: Client, over_http: Caller, three: Sequence[str]
    ) -> None:
        first = alice.call("ListTasks", pb.ListTasksRequest(page_size=1))[0]
        assert over_http.titles(page_size=1, page_token=first.next_page_token) == ["b"]
        second = answered(over_http.list_tasks(page_size=2))
        asked = pb.ListTasksRequest(page_size=1, page_token=second["next_page_token"])
        assert [task.title for task in alice.call("ListTasks", asked)[0].tasks] == ["a"]

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ({"filter": "colour = red"}, "INVALID_FILTER"),
            ({"order_by": "colour"}, "INVALID_ORDER_BY"),
            ({"page_token": "x"}, "INVALID_PAGE_TOKEN"),
            ({"page_token": "a\0b"}, "INVALID_PAGE_TOKEN"),
            ({"page_token": "\N{SNOWMAN}"}, "INVALID_PAGE_TOKEN"),
        ],
    )
    def test_what_is_not_understood(self, alice: Client, asked: dict[str, Any], reason: str) -> None:
        failure = alice.refused("ListTasks", pb.ListTasksRequest(**asked))
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, reason)

    @pytest.mark.parametrize("name", ["filter", "order_by"])
    def test_control_characters(self, alice: Client, name: str) -> None:
        asked: dict[str, Any] = {name: "a\0b"}
        assert violated(alice, "ListTasks", pb.ListTasksRequest(**asked)) == [(name, "INVALID_FORMAT")]

    def test_a_negative_page(self, alice: Client) -> None:
        assert violated(alice, "ListTasks", pb.ListTasksRequest(page_size=-1)) == [("page_size", "INVALID_VALUE")]

    def test_a_large_page_is_coerced(self, alice: Client, three: Sequence[str]) -> None:
        assert len(alice.call("ListTasks", pb.ListTasksRequest(page_size=2**31 - 1))[0].tasks) == 3


class TestUpdate:
    def update(self, client: Client, task: pb.Task, *paths: str, **members: Any) -> pb.Task:
        """Set what is named, or what is there."""
        mask = FieldMask(paths=paths) if paths else None
        asked = pb.UpdateTaskRequest(task=pb.Task(name=task.name, **members), update_mask=mask)
        updated: pb.Task = client.call("UpdateTask", asked)[0]
        return updated

    def test_what_is_there_is_set(self, alice: Client) -> None:
        task = alice.create(tags=["a"], description="x")
        updated = self.update(alice, task, status=pb.STATUS_COMPLETED, description="")
        assert (updated.title, updated.status, [*updated.tags]) == ("Buy milk", pb.STATUS_COMPLETED, ["a"])
        assert updated.HasField("description")
        assert updated.update_time.ToDatetime() > task.update_time.ToDatetime()

    def test_what_the_mask_names_and_is_not_there_is_cleared(self, alice: Client) -> None:
        task = alice.create(tags=["a"], description="x", due_date=moment(TOMORROW), priority=pb.PRIORITY_LOW)
        updated = self.update(alice, task, "tags", "description", "due_date", "priority", title="ignored")
        assert ([*updated.tags], updated.HasField("description"), updated.HasField("due_date")) == ([], False, False)
        assert (updated.priority, updated.title) == (pb.PRIORITY_MEDIUM, "Buy milk")

    def test_nothing_is_changed(self, alice: Client) -> None:
        task = alice.create()
        assert self.update(alice, task) == task

    @pytest.mark.parametrize("paths", [[], [""], ["name"], ["create_time"], ["*"], ["title", "colour"], ["task.title"]])
    def test_a_mask_that_names_nothing_or_what_cannot_be_set(self, alice: Client, paths: list[str]) -> None:
        asked = pb.UpdateTaskRequest(task=alice.create(), update_mask=FieldMask(paths=paths))
        assert violated(alice, "UpdateTask", asked) == [("update_mask", "INVALID_VALUE")]

    def test_the_title_cannot_be_cleared(self, alice: Client) -> None:
        asked = pb.UpdateTaskRequest(task=pb.Task(name=NAME), update_mask=FieldMask(paths=["title"]))
        assert violated(alice, "UpdateTask", asked) == [("title", "REQUIRED_FIELD")]

    def test_mask_and_task_are_judged_together(self, alice: Client) -> None:
        asked = pb.UpdateTaskRequest(task=pb.Task(title=""), update_mask=FieldMask(paths=["x"]))
        assert violated(alice, "UpdateTask", asked) == [
            ("update_mask", "INVALID_VALUE"),
            ("name", "REQUIRED_FIELD"),
            ("title", "TOO_SHORT"),
        ]

    def test_a_rule_of_the_model(self, alice: Client) -> None:
        task = alice.create()
        asked = pb.UpdateTaskRequest(task=pb.Task(name=task.name, due_date=Timestamp(seconds=1)))
        assert violated(alice, "UpdateTask", asked) == [("due_date", "MUST_BE_FUTURE")]

    def test_a_title_that_is_taken(self, alice: Client) -> None:
        alice.create("a")
        asked = pb.UpdateTaskRequest(task=pb.Task(name=alice.create("b").name, title="a"))
        assert alice.refused("UpdateTask", asked).reason == "TASK_TITLE_TAKEN"

    @pytest.mark.parametrize("method", ["UpdateTask", "DeleteTask"])
    def test_somebody_elses_and_nobodys(self, alice: Client, bob: Client, method: str) -> None:
        def asked(name: str) -> Any:
            kinds = {
                "UpdateTask": pb.UpdateTaskRequest(task=pb.Task(name=name)),
                "DeleteTask": pb.DeleteTaskRequest(name=name),
            }
            return kinds[method]

        assert bob.refused(method, asked(alice.create().name)).reason == "NOT_TASK_OWNER"
        assert bob.refused(method, asked(NAME)).reason == "TASK_NOT_FOUND"


class TestDelete:
    def test_ok(self, alice: Client) -> None:
        task = alice.create()
        told = alice.call("DeleteTask", pb.DeleteTaskRequest(name=task.name))[0]
        assert told.message == f"Task {task.name} deleted successfully"
        assert alice.refused("GetTask", pb.GetTaskRequest(name=task.name)).code is StatusCode.NOT_FOUND


class TestBatchCreate:
    def test_ok(self, alice: Client) -> None:
        batch = alice.call("BatchCreateTasks", pb.BatchCreateTasksRequest(requests=[creation(title="a")]))[0]
        assert [task.title for task in batch.tasks] == ["a"]

    def test_some_fail(self, alice: Client, log: Log) -> None:
        alice.create("a")
        asked = pb.BatchCreateTasksRequest(requests=[creation(title="b"), creation(title="a")])
        with growth("errors_total", code="TASK_TITLE_TAKEN", fault="client") as counted:
            batch: pb.BatchCreateTasksResponse = alice.call("BatchCreateTasks", asked)[0]
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
        failure = alice.refused("BatchCreateTasks", pb.BatchCreateTasksRequest(requests=[creation(title="a")]))
        assert (failure.code, failure.reason, failure.facts["count"]) == (
            StatusCode.ALREADY_EXISTS,
            "BATCH_FAILED",
            "1",
        )
        assert [each.index for each in failure.extensions["failures"].failures] == [0]
        assert log.errors[0]["items"] == {"TASK_TITLE_TAKEN": [0]}

    def test_an_item_that_breaks_a_rule(self, alice: Client) -> None:
        asked = pb.BatchCreateTasksRequest(requests=[creation(title="a"), creation(), pb.CreateTaskRequest()])
        assert violated(alice, "BatchCreateTasks", asked) == [
            ("requests[1].task.title", "REQUIRED_FIELD"),
            ("requests[2].task", "REQUIRED_FIELD"),
        ]
        assert alice.call("ListTasks", pb.ListTasksRequest())[0].total_size == 0

    @pytest.mark.parametrize(("count", "code"), [(0, "EMPTY_BATCH"), (101, "BATCH_TOO_LARGE")])
    def test_too_few_and_too_many(self, alice: Client, count: int, code: str) -> None:
        asked = pb.BatchCreateTasksRequest(requests=[creation(title=str(n)) for n in range(count)])
        assert violated(alice, "BatchCreateTasks", asked) == [("requests", code)]

    def test_a_hundred_faults_at_once_still_arrive(self, alice: Client) -> None:
        """Whatever a client takes of metadata by default has to be enough."""
        asked = pb.BatchCreateTasksRequest(requests=[creation(title="")] * 100)
        failure = alice.refused("BatchCreateTasks", asked)
        assert failure.facts["truncated"] == "true"
        assert failure.violations[0] == ("requests[0].task.title", "TOO_SHORT")


def test_what_no_method_is_called(alice: Client) -> None:
    """UNIMPLEMENTED, with what there is."""
    for path in ("/todo.v1.TodoService/Drop", "/other.Service/GetTask", "/x"):
        with pytest.raises(grpc.RpcError) as raised:
            alice.raw(path, b"")
        assert raised.value.code() is StatusCode.UNIMPLEMENTED
