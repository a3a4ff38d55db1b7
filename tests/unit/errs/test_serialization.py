"""Serialized errors: between services, an error keeps only its public attributes."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import errs
from app.errs import E, Error, Kind, Violation, causes, from_json, ops, to_json
from app.errs.make import build
from app.errs.platform import DeadlineExceeded, RateLimitExceeded
from app.errs.requests import NotAcceptable, PreconditionRequired
from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.rest import error_examples

pytestmark = pytest.mark.slow

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
VIOLATIONS = st.builds(Violation, TEXT, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT)
SAID: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.none() | st.sampled_from(Kind),
    "code": st.none() | TEXT,
    "message": st.none() | TEXT,
    "param": st.none() | TEXT,
    "retry_after": st.none() | st.integers(0, 86400),
    "violations": st.none() | st.lists(VIOLATIONS, max_size=3).map(tuple),
}
LINKS = st.builds(build, st.none() | TEXT.filter(bool), **SAID, cause=st.none())
NAMED = st.sampled_from(list(errs.named_errors().values())).map(error_examples.occurrence)
PRIVATE: dict[str, Any] = {"detail": "SELECT 1", "user": "alice", "realm": "vault", "password": "hunter2"}


def chained(links: list[Error]) -> Error:
    """Return the first link, with the others as its causes."""
    for outer, inner in pairwise(links):
        outer.__cause__ = inner
    return links[0]


class TestRoundTrip:
    @given(st.lists(LINKS | NAMED, min_size=1, max_size=5).map(chained))
    def test_every_link_keeps_its_attributes(self, error: Error) -> None:
        rebuilt = from_json(to_json(error))
        assert ops(rebuilt) == ops(error)
        for here, there in zip(causes(error), causes(rebuilt), strict=True):
            assert isinstance(here, Error)
            assert isinstance(there, Error)
            assert (there.kind, there.code, there.param) == (here.kind, here.code, here.param)
            assert (there.message, there.retry_after) == (here.message, here.retry_after)
            assert there.violations == here.violations
            assert there.facts == {name: here.facts[name] for name in here.declared_facts}

    def test_the_operations_are_kept(self) -> None:
        error = TaskNotFound("tasks.read")
        error.record_operation("tasks.get")
        assert ops(from_json(to_json(error))) == ["tasks.get", "tasks.read"]

    @given(st.lists(LINKS, min_size=1, max_size=5).map(chained))
    def test_serializing_twice_gives_the_same_result(self, error: Error) -> None:
        told = to_json(error)
        assert to_json(from_json(told)) == told

    def test_typed_facts_keep_their_types(self) -> None:
        error = from_json(to_json(NotAcceptable(available=["a/b"])))
        assert error.facts == {"available": ["a/b"]}
        limited = from_json(to_json(RateLimitExceeded(limit=100, window_seconds=1, retry_after=0)))
        assert (limited.facts, limited.retry_after) == ({"limit": 100, "window_seconds": 1}, 0)

    def test_the_message_of_a_definition_is_kept(self) -> None:
        assert from_json(to_json(PreconditionRequired())).message == PreconditionRequired.message

    def test_the_definition_is_found_again(self) -> None:
        error = from_json(to_json(E("tasks.get", cause=DeadlineExceeded(budget_ms=50, spent_in="database"))))
        assert errs.definition(error) is DeadlineExceeded

    def test_other_exceptions_are_left_out(self) -> None:
        foreign = RuntimeError("at /etc/passwd")
        foreign.__cause__ = TaskNotFound()
        told = to_json(E("outer", cause=foreign))
        assert "passwd" not in told
        assert [type(link) for link in causes(from_json(told))] == [Error, Error]


class TestSecrecy:
    @given(st.lists(LINKS, min_size=1, max_size=3))
    def test_detail_user_realm_and_undeclared_facts_are_left_out(self, links: list[Error]) -> None:
        for link in links:
            link.detail, link.user, link.realm = PRIVATE["detail"], PRIVATE["user"], PRIVATE["realm"]
            link.facts = {"password": PRIVATE["password"]}
        error = from_json(to_json(chained(links)))
        assert (error.detail, error.user, error.realm) == (None, None, None)
        assert all(link.facts == {} for link in causes(error) if isinstance(link, Error))

    def test_a_named_error_includes_only_its_declared_facts(self) -> None:
        told = to_json(TaskTitleTaken("sql", param="title", **PRIVATE))
        assert json.loads(told) == [
            {"op": "sql", "kind": "item_already_exists", "code": "TASK_TITLE_TAKEN", "param": "title"}
        ]
        assert not any(secret in told for secret in PRIVATE.values())

    def test_stacks_are_left_out(self) -> None:
        with pytest.raises(Error) as caught:
            raise TaskNotFound("tasks.get")
        assert "test_marshal" not in to_json(caught.value)

    def test_another_service_cannot_set_the_user(self) -> None:
        error = from_json(
            '[{"facts": {"user": "mallory", "detail": "x", "cause": "y", "kind": "z"}, "user": "mallory"}]'
        )
        assert (error.user, error.detail, error.kind, error.__cause__) == (None, None, Kind.OTHER, None)


class TestGarbage:
    @given(JSON.map(json.dumps) | st.binary(max_size=60))
    @example("[]")
    @example("{}")
    @example('"abc"')
    @example("[" * 100_000)
    @example("9" * 5000)
    @example(b"\xff")
    @example('[{"kind": []}]')
    @example('[{"kind": "no_such_kind"}]')
    @example('[{"op": 5}]')
    @example('[{"code": {}}]')
    @example('[{"retry_after": true}]')
    @example('[{"violations": {}}]')
    @example('[{"violations": [{}]}]')
    @example('[{"violations": [{"field": 1, "code": "A", "message": "b"}]}]')
    @example('[{"violations": [{"field": "a", "code": "A", "message": "b", "colour": "c"}]}]')
    @example('[{"facts": []}]')
    def test_it_is_rejected_with_a_value_error(self, text: str | bytes) -> None:
        try:
            error = from_json(text)
        except ValueError:
            return
        assert str(error)
        assert from_json(to_json(error)).kind is error.kind

    @given(st.lists(st.dictionaries(st.sampled_from(["op", "facts", *SAID]), JSON, max_size=4), min_size=1, max_size=3))
    def test_any_object_is_an_error_or_a_value_error(self, links: list[dict[str, Any]]) -> None:
        try:
            error = from_json(json.dumps(links))
        except ValueError:
            return
        assert str(error)
        assert errs.definition(error).kind
