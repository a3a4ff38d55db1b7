"""Queries over a chain of errors: does it match a template, which kind does it have, and what is its root cause?"""

import pytest

from app.errs import E, Error, Kind, causes, kind_is, match, missing_field, ops, root_cause
from app.errs.platform import DeadlineExceeded
from app.errs.tasks import TaskNotFound, TaskTitleTaken


class TestMatch:
    def test_ok(self) -> None:
        error = E("tasks.create", user="alice", cause=TaskTitleTaken("sql", param="title"))
        assert match(E("tasks.create", cause=TaskTitleTaken(param="title")), error)

    def test_an_empty_template_matches_every_error(self) -> None:
        assert match(Error(), TaskNotFound())

    def test_attributes_that_only_the_error_sets_are_ignored(self) -> None:
        assert match(TaskNotFound(), TaskNotFound("tasks.get", user="alice", detail="why", row=1))

    @pytest.mark.parametrize(
        "template",
        [
            E("other.op"),
            E(kind=Kind.EXIST),
            E(code="OTHER"),
            E(message="Other."),
            E(detail="other"),
            E(param="other"),
            E(user="bob"),
            E(realm="other"),
            E(retry_after=9),
            E(row=2),
            E(colour="red"),
            E(violations=missing_field("title").violations),
            TaskTitleTaken(),
            E(cause=KeyError("x")),
        ],
    )
    def test_a_different_attribute_is_not_a_match(self, template: Error) -> None:
        assert not match(template, TaskNotFound("tasks.get", user="alice", param="id", row=1))

    def test_attributes_of_the_template_can_be_set_by_a_cause(self) -> None:
        assert match(E(kind=Kind.NOT_EXIST, code="TASK_NOT_FOUND"), E("outer", cause=TaskNotFound()))

    def test_the_facts_of_a_definition_are_compared(self) -> None:
        error = DeadlineExceeded(budget_ms=50, spent_in="database")
        assert match(DeadlineExceeded(budget_ms=50, spent_in="database"), error)
        assert not match(DeadlineExceeded(budget_ms=50, spent_in="cache"), error)

    def test_causes_are_compared_one_by_one(self) -> None:
        error = E("a", cause=E("b", cause=KeyError("x")))
        assert match(E("a", cause=E("b", cause=KeyError("x"))), error)
        assert not match(E("a", cause=E("b", cause=KeyError("y"))), error)
        assert not match(E("a", cause=E("c")), error)

    def test_another_exception_matches_by_type_and_arguments(self) -> None:
        assert match(KeyError("x"), KeyError("x"))
        assert not match(KeyError("x"), LookupError("x"))
        assert not match(Error(), KeyError("x"))


class TestKindIs:
    def test_ok(self) -> None:
        assert kind_is(Kind.NOT_EXIST, TaskNotFound())

    def test_the_first_kind_in_the_chain_decides(self) -> None:
        assert kind_is(Kind.NOT_EXIST, E("a", cause=E("b", cause=TaskNotFound())))
        assert not kind_is(Kind.NOT_EXIST, E(kind=Kind.DATABASE, cause=TaskNotFound()))

    def test_the_causes_of_another_exception_are_searched(self) -> None:
        foreign = RuntimeError("x")
        assert not kind_is(Kind.OTHER, foreign)
        foreign.__cause__ = TaskNotFound()
        assert kind_is(Kind.NOT_EXIST, foreign)

    def test_none_has_no_kind(self) -> None:
        assert not kind_is(Kind.OTHER, None)

    def test_an_empty_error_has_the_kind_other(self) -> None:
        assert kind_is(Kind.OTHER, E("op"))


class TestRootCause:
    def test_ok(self) -> None:
        root = KeyError("x")
        assert root_cause(E("a", cause=E("b", cause=root))) is root

    def test_without_a_cause_it_is_the_error_itself(self) -> None:
        error = E("a")
        assert root_cause(error) is error


class TestCycle:
    """A cycle is always a bug, but the error must still be logged."""

    @pytest.fixture
    def knot(self) -> Error:
        outer, inner = E("outer", user="alice"), E("inner", param="title")
        outer.__cause__, inner.__cause__ = inner, outer
        return outer

    def test_every_link_is_listed_once(self, knot: Error) -> None:
        assert [str(link) for link in causes(knot)] == ["outer: inner: other_error", "inner: outer: other_error"]
        assert ops(knot) == ["outer", "inner"]

    def test_every_link_is_matched_once(self, knot: Error) -> None:
        assert (knot.user, knot.param, knot.kind, knot.code) == ("alice", "title", Kind.OTHER, "")
        assert kind_is(Kind.OTHER, knot)
        assert root_cause(knot) is knot.__cause__

    def test_a_long_chain_needs_no_recursion(self) -> None:
        error: Error = TaskNotFound()
        for _ in range(5000):
            error = E(cause=error)
        assert error.kind is Kind.NOT_EXIST
