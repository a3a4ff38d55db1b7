"""Arbitrary input is accepted unchanged or rejected with a named error; a bounded search, the same on every run."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.api.caller import ABSENT, BATCH, TASKS, Caller, answered, path_of
from tests.examples import examples as scaled
from tests.response_checks import LEAKS

F = TypeVar("F", bound=Callable[..., Any])
TEXT = st.text(st.characters(codec="utf-8")).filter(lambda each: not LEAKS.search(each))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [
        "title",
        "description",
        "status",
        "priority",
        "due_date",
        "tags",
        "name",
        "created_by",
        "_schema",
        "task",
        "requests",
    ]
)
HEADERS = [
    *("ACCEPT", "AUTHORIZATION", "IF_MATCH", "IF_NONE_MATCH", "IDEMPOTENCY_KEY", "REQUEST_TIMEOUT", "TRACEPARENT"),
    *("X_REQUEST_ID", "ORIGIN", "HOST", "X_FORWARDED_FOR", "CONTENT_ENCODING", "COOKIE", "RANGE", "EXPECT"),
]
TASK = st.dictionaries(MEMBERS | TEXT, JSON, max_size=5)


def bounded(examples: int) -> Callable[[F], F]:
    """Draw this many examples, the same in every run."""
    return settings(
        max_examples=scaled(examples),
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def is_fine(response: TestResponse, *statuses: int) -> bool:
    """Return whether a response has one of the statuses; the test client checks the rest."""
    return response.status_code in {*statuses, 400}


@pytest.mark.usefixtures("client")
class TestAnything:
    """Requests with arbitrary content."""

    @bounded(150)
    @given(title=TEXT, description=TEXT)
    def test_a_text_is_returned_unchanged_or_rejected(self, alice: Caller, title: str, description: str) -> None:
        """By POST, GET and list."""
        response = alice.create(title, description=description)
        assert is_fine(response, 201)
        if response.status_code == 201:
            task = answered(response, 201)
            assert (task["title"], task["description"]) == (title, description)
            assert answered(alice.get(path_of(task))) == task
            assert answered(alice.list_tasks())["tasks"] == [task]
            quoted = title.replace("\\", "\\\\").replace('"', '\\"')
            assert alice.titles(filter=f'title = "{quoted}"') == [title]
            answered(alice.delete(path_of(task)))

    @bounded(150)
    @given(body=JSON | TASK.map(lambda task: {"task": task}))
    def test_any_json_is_a_creation_or_rejected(self, alice: Caller, body: Any) -> None:
        response = alice.post(json=body)
        assert is_fine(response, 201)
        if response.status_code == 201:
            answered(alice.delete(response.headers["Location"]))

    @bounded(100)
    @given(body=JSON | st.lists(TASK, max_size=3).map(lambda tasks: {"requests": [{"task": task} for task in tasks]}))
    def test_any_json_is_a_batch_or_rejected(self, alice: Caller, body: Any) -> None:
        assert is_fine(alice.post(BATCH, json=body), 200, 207, 409)

    @bounded(100)
    @given(body=JSON | TASK, mask=st.none() | TEXT | st.lists(MEMBERS, max_size=3).map(",".join))
    def test_any_json_is_an_update_or_rejected(self, alice: Caller, body: Any, mask: str | None) -> None:
        path = path_of(alice.task())
        query = {} if mask is None else {"update_mask": mask}
        assert is_fine(alice.patch(path, json=body, query_string=query), 200)
        answered(alice.get(path))
        answered(alice.delete(path))

    @bounded(150)
    @given(body=st.binary(max_size=40))
    def test_any_bytes_are_accepted_or_rejected(self, alice: Caller, body: bytes) -> None:
        assert is_fine(alice.post(data=body, content_type="application/json"))

    @bounded(200)
    @given(
        wanted=TEXT
        | st.builds(
            "{} {} {}".format,
            st.sampled_from(["title", "status", "priority", "due_date", "create_time", "created_by", "tags"]) | TEXT,
            st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"]) | TEXT,
            st.sampled_from(["null", "PENDING", "LOW", '"2090-01-01T00:00:00Z"', "'a'", '"%"']) | TEXT,
        )
    )
    def test_any_filter_is_accepted_or_rejected(self, alice: Caller, wanted: str) -> None:
        assert is_fine(alice.list_tasks(filter=wanted), 200)

    @bounded(100)
    @given(
        query=st.dictionaries(
            st.sampled_from(["order_by", "page_token", "page_size", "fields"]) | TEXT, TEXT, max_size=3
        )
    )
    def test_any_query_is_accepted_or_rejected(self, alice: Caller, query: dict[str, str]) -> None:
        assert is_fine(alice.get(TASKS, query_string=query), 200)
        assert is_fine(alice.get(ABSENT, query_string=query), 404)

    @bounded(100)
    @given(query=st.binary(max_size=30))
    def test_any_bytes_are_a_query_or_rejected(self, alice: Caller, query: bytes) -> None:
        response = alice.get(TASKS, environ_overrides={"QUERY_STRING": query.decode("latin-1")})
        assert is_fine(response, 200)

    @bounded(100)
    @given(
        name=st.sampled_from(HEADERS),
        value=st.binary(max_size=30),
        method=st.sampled_from(["GET", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
    )
    def test_any_header_is_accepted_or_rejected(self, alice: Caller, name: str, value: bytes, method: str) -> None:
        body = {"title": "x"} if method == "PATCH" else None
        environ = {f"HTTP_{name}": value.decode("latin-1")}
        response = alice.send(method, ABSENT, json=body, environ_overrides=environ)
        assert is_fine(response, 204, 401, 404, 406, 412, 415)

    @bounded(100)
    @given(path=st.binary(max_size=30))
    def test_any_path_is_found_or_not(self, alice: Caller, path: bytes) -> None:
        raw = b"/v1/tasks/" + path
        response = alice.client.get(
            "/", headers=dict(alice.credentials), environ_overrides={"PATH_INFO": raw.decode("latin-1")}
        )
        assert response.status_code == 404
