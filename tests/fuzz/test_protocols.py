"""The same requests over HTTP and gRPC, with the same responses, violations and rows.

``FUZZ_EXAMPLES`` is the number of requests of each kind, ``FUZZ_SEED`` repeats a run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import grpc
import pytest
from flask import Flask
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.config import Settings
from app.extensions import db
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.api.caller import BATCH, Caller
from tests.conftest import EMPTY, TokenMaker
from tests.fuzz.conftest import EXAMPLES, SEED
from tests.rpc.client import Client, Failure
from tests.rpc.conftest import served

fuzzed = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
ROW: Final = "title, description, status, priority, due_date, tags, version"
Members = dict[str, Any]

LETTERS: Final = st.characters(exclude_categories=["Cs"])
"""All characters that both protocols can represent: neither has lone surrogates."""
TITLES: Final = (
    st.sampled_from(
        [
            "",
            " ",
            "a",
            "A",
            "a ",
            "\N{NO-BREAK SPACE}a",
            "e\N{COMBINING ACUTE ACCENT}",
            "\N{LATIN SMALL LETTER E WITH ACUTE}",
        ]
    )
    | st.text(LETTERS, max_size=5)
    | st.integers(198, 202).map(lambda length: "x" * length)
)
TEXTS: Final = st.text(LETTERS, max_size=5) | st.integers(998, 1002).map(lambda length: "\n" * length)
TAGS: Final = st.lists(
    st.sampled_from(["a", "b", "a-b", "B", "", "a b", "\N{SNOWMAN}", "x" * 50, "x" * 51]), max_size=12
)
NUMBERS: Final = st.sampled_from([0, 1, 2, 3, 4, 5, -1, 2**31 - 1, -(2**31)])
MOMENTS: Final = st.builds(
    lambda seconds, nanos: Timestamp(seconds=seconds, nanos=nanos),
    st.sampled_from([-62135596800, -1, 0, 1700000000, 4102444800, 253402300799]),
    st.sampled_from([0, 1, 1000, 123456000, 123456789, 999999999]),
)
TASKS: Final = st.fixed_dictionaries(
    {},
    optional={
        "title": TITLES,
        "description": TEXTS,
        "status": NUMBERS,
        "priority": NUMBERS,
        "due_date": MOMENTS,
        "tags": TAGS,
    },
)
GOOD: Final = st.fixed_dictionaries({"title": st.text(LETTERS.filter(str.isalpha), min_size=1, max_size=8)}) | TASKS
MASKS: Final = st.none() | st.lists(
    st.sampled_from(["title", "description", "status", "priority", "due_date", "tags", "name", "", "x", "*"]),
    max_size=3,
)
TOKENS: Final = (
    *("title", "status", "tags", "due_date", "colour", "=", "!=", "<", ">=", ":", "AND", "OR", "null", "(", "'", '"'),
    *('"a"', "PENDING", "STATUS_COMPLETED", '"2030-01-01T00:00:00Z"', "\n", "\N{SNOWMAN}"),
)
COMPARISONS: Final = st.sampled_from(
    ['title != "a"', "status = PENDING", "tags:a", "due_date = null", "priority > LOW"]
)
WORDS: Final = st.lists(COMPARISONS, max_size=3).map(" AND ".join) | st.lists(st.sampled_from(TOKENS), max_size=7).map(
    " ".join
)
ORDERS: Final = st.lists(st.sampled_from(["title", "due_date", "desc", "asc", ",", "tags", "\t", "x"]), max_size=4).map(
    " ".join
)


def as_message(members: Members) -> pb.Task:
    """Return a task of the protocol."""
    return pb.Task(**members)


def as_json(members: Members) -> dict[str, Any]:
    """Return the same in JSON, without members that protobuf cannot distinguish from unset ones."""
    document: dict[str, Any] = {name: members[name] for name in ("title", "description") if name in members}
    for name, enum in (("status", pb.Status), ("priority", pb.Priority)):
        if number := members.get(name):
            document[name] = enum.Name(number) if number in enum.values() else str(number)
    if "due_date" in members:
        document["due_date"] = members["due_date"].ToJsonString()
    if members.get("tags"):
        document["tags"] = members["tags"]
    return document


@dataclass(frozen=True, slots=True)
class Sides:
    """Two callers who send the same requests, each over another protocol, and their stored tasks."""

    application: Flask
    left: Caller
    right: Client

    def rows(self, owner: str) -> list[tuple[Any, ...]]:
        """Return all stored data of an owner's tasks, without columns that must differ."""
        with self.application.app_context(), db.engine.connect() as connection:
            statement = text(f"SELECT {ROW} FROM tasks WHERE created_by = :owner ORDER BY create_time, id")
            return sorted(map(repr, connection.execute(statement, {"owner": owner}).all()))  # type: ignore[arg-type]

    def agree(self, response: TestResponse, method: str, request: Message) -> Any | None:
        """Assert that both get the same response, and own the same rows; return the message of a success."""
        try:
            answer = self.right.call(method, request)[0]
        except grpc.RpcError as error:
            failure = Failure.of(error)
            problem = response.get_json()
            assert response.status_code >= 400, (method, failure)
            assert failure.reason == problem["code"]
            assert failure.message == problem["detail"]
            broken = [(each["field"], each["message"], each["code"]) for each in problem.get("errors", [])]
            listed = [
                (each.field, each.description, each.code) for each in failure.details["ErrorDetail"].field_violations
            ]
            assert listed == broken[: len(listed)]
            assert len(listed) == len(broken) or failure.facts["truncated"] == "true"
            answer = None
        else:
            assert response.status_code < 400, response.get_data(as_text=True)
        assert self.rows("left") == self.rows("right")
        return answer


@pytest.fixture(scope="module")
def sides(app: Flask, settings: Settings, token: TokenMaker) -> Iterator[Sides]:
    """Return both, with empty tables; they are emptied again afterwards."""
    with served(app, settings) as port, Client.of(port, token("right")) as right:
        yield Sides(app, Caller(app.test_client(), {"Authorization": f"Bearer {token('left')}"}), right)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text(EMPTY))


def same(task: dict[str, Any], message: Message) -> bool:
    """Return whether both describe the same task."""
    own = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    apart = {"name", "create_time", "update_time", "created_by"}
    return {name: value for name, value in task.items() if name not in apart and value is not None} == {
        name: value for name, value in own.items() if name not in apart
    }


@seed(SEED)
@fuzzed
@given(members=GOOD)
def test_creations(sides: Sides, members: Members) -> None:
    response = sides.left.post(json={"task": as_json(members)})
    made = sides.agree(response, "CreateTask", pb.CreateTaskRequest(task=as_message(members)))
    assert made is None or same(response.get_json(), made)


@seed(SEED)
@fuzzed
@given(batch=st.lists(GOOD, max_size=4))
def test_batches(sides: Sides, batch: list[Members]) -> None:
    response = sides.left.post(BATCH, json={"requests": [{"task": as_json(each)} for each in batch]})
    requests = [pb.CreateTaskRequest(task=as_message(each)) for each in batch]
    made = sides.agree(response, "BatchCreateTasks", pb.BatchCreateTasksRequest(requests=requests))
    if made is not None:
        failures = [(each["index"], each["problem"]["code"]) for each in response.get_json()["failures"]]
        assert [(each.index, each.error.code) for each in made.failures] == failures


@pytest.fixture(scope="module")
def pair(sides: Sides) -> Callable[[], tuple[str, str]]:
    """Return a maker of the same task on both sides; it returns both names."""

    def make() -> tuple[str, str]:
        title = f"task {datetime.now(UTC).timestamp()}"
        return sides.left.task(title)["name"], sides.right.create(title).name

    return make


@seed(SEED)
@fuzzed
@given(members=GOOD, mask=MASKS)
def test_updates(sides: Sides, pair: Callable[[], tuple[str, str]], members: Members, mask: list[str] | None) -> None:
    left, right = pair()
    query = {} if mask is None else {"update_mask": ",".join(mask)}
    response = sides.left.patch(f"/v1/{left}", json=as_json(members), query_string=query)
    task = as_message(members)
    task.name = right
    update = pb.UpdateTaskRequest(task=task, update_mask=None if mask is None else FieldMask(paths=mask))
    sides.agree(response, "UpdateTask", update)


@seed(SEED)
@fuzzed
@given(size=st.sampled_from([0, 1, 2, -1, 1000, 1001, 2**31 - 1]), words=WORDS, order=ORDERS)
def test_lists(sides: Sides, size: int, words: str, order: str) -> None:
    response = sides.left.list_tasks(page_size=size, filter=words, order_by=order)
    page = sides.agree(response, "ListTasks", pb.ListTasksRequest(page_size=size, filter=words, order_by=order))
    if page is not None:
        listed = response.get_json()
        assert (page.total_size, bool(page.next_page_token)) == (listed["total_size"], bool(listed["next_page_token"]))
        assert len(page.tasks) == len(listed["tasks"])
