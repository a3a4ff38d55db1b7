"""``E``: an operation, a ``Kind`` and an exception by position, in any order, and everything else by keyword."""

from itertools import permutations
from typing import Any

import pytest

from app import errs
from app.errs import E, Error, Kind, Violation, match, ops
from app.errs.platform import InternalError
from app.errs.tasks import TaskNotFound, TaskTitleTaken

VIOLATION = Violation("title", "TOO_LONG", "title is too long", pointer="#/title")
CAUSE = KeyError("x")


def raised(outer: Error, inner: BaseException) -> Error:
    """Return the outer error as it looks to the code that catches it."""
    with pytest.raises(Error) as caught:
        raise outer from inner
    return caught.value


class TestByPosition:
    @pytest.mark.parametrize("args", [*permutations(("tasks.get", Kind.NOT_EXIST, CAUSE))])
    def test_the_order_of_positional_arguments_does_not_matter(self, args: tuple[Any, ...]) -> None:
        error = E(*args)
        assert (error.op, error.kind, error.__cause__) == ("tasks.get", Kind.NOT_EXIST, CAUSE)

    def test_each_argument_is_optional(self) -> None:
        assert (E("tasks.get").op, E("tasks.get").kind, E("tasks.get").__cause__) == ("tasks.get", Kind.OTHER, None)
        assert (E(Kind.EXIST).op, E(Kind.EXIST).kind) == (None, Kind.EXIST)
        assert (E(CAUSE).__cause__, E(CAUSE).kind) == (CAUSE, Kind.OTHER)

    def test_keywords_can_be_added(self) -> None:
        error = E(Kind.CONFLICT, "tasks.get", code="TASK_LOCKED", message="It is locked.", minutes=3)
        assert (error.op, error.kind, error.code, error.message) == (
            "tasks.get",
            Kind.CONFLICT,
            "TASK_LOCKED",
            "It is locked.",
        )
        assert error.facts == {"minutes": 3}

    def test_each_argument_has_a_keyword(self) -> None:
        error = E(op="tasks.get", kind=Kind.EXIST, cause=CAUSE)
        assert match(E("tasks.get", Kind.EXIST, CAUSE), error)

    def test_missing_attributes_come_from_the_cause(self) -> None:
        error = E(TaskTitleTaken("sql", param="title"), "tasks.create")
        assert (error.kind, error.code, error.param) == (Kind.EXIST, "TASK_TITLE_TAKEN", "title")
        assert ops(error) == ["tasks.create", "sql"]

    def test_any_exception_can_be_the_cause(self) -> None:
        assert isinstance(E("tasks.get", KeyboardInterrupt()).__cause__, KeyboardInterrupt)


class TestRejected:
    @pytest.mark.parametrize("text", ["The task is gone.", "tasks get", "tasks.get\n", "a\u00a0b", "", " "])
    def test_a_text_with_a_space_is_not_an_operation(self, text: str) -> None:
        with pytest.raises(TypeError, match=r"is not an operation.*write message="):
            E(text, Kind.NOT_EXIST)
        with pytest.raises(TypeError, match="op is a name without blanks"):
            E(op=text)

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (("a", "b"), "E takes one operation, not two: 'a' and 'b'"),
            ((Kind.EXIST, Kind.IO), "E takes one Kind, not two"),
            ((KeyError("x"), TaskNotFound()), "E takes one exception, not two"),
        ],
    )
    def test_two_arguments_of_one_type(self, args: tuple[Any, ...], sentence: str) -> None:
        with pytest.raises(TypeError, match=sentence):
            E(*args)

    @pytest.mark.parametrize(
        ("args", "keywords"),
        [(("a",), {"op": "b"}), ((Kind.EXIST,), {"kind": Kind.IO}), ((CAUSE,), {"cause": TaskNotFound()})],
    )
    def test_one_argument_by_position_and_by_keyword(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="not one by position and one by keyword"):
            E(*args, **keywords)

    @pytest.mark.parametrize(
        ("arg", "named"),
        [
            (404, "int"),
            ({"row": 1}, "dict"),
            (None, "None"),
            (KeyError, "the class KeyError"),
            (TaskNotFound, "the class TaskNotFound"),
            (b"tasks.get", "bytes"),
        ],
    )
    def test_an_argument_of_another_type(self, arg: Any, named: str) -> None:
        with pytest.raises(TypeError, match=f"by position, not {named}: give everything else by keyword"):
            E("tasks.get", arg)

    @pytest.mark.parametrize("keywords", [{}, {"kind": None}, {"message": None, "cause": None}])
    def test_no_arguments(self, keywords: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="E needs an argument"):
            E(**keywords)

    @pytest.mark.parametrize("code", ["task_locked", "Task", "TASK-LOCKED", "", "TASK_", "TASK LOCKED", "A" * 64, 7])
    def test_a_code_that_is_not_upper_snake_case(self, code: Any) -> None:
        with pytest.raises(TypeError, match="a code is UPPER_SNAKE, has at most 63 characters, and is not"):
            E(Kind.CONFLICT, code=code)

    @pytest.mark.parametrize("kind", ["not_exist", 4, TaskNotFound])
    def test_an_invalid_kind(self, kind: Any) -> None:
        with pytest.raises(TypeError, match="kind is a Kind such as"):
            E(kind=kind)

    @pytest.mark.parametrize("wait", [-1, 1.5, "60", True])
    def test_a_wait_that_is_not_whole_seconds(self, wait: Any) -> None:
        with pytest.raises(TypeError, match="retry_after is whole seconds"):
            E(Kind.UNAVAILABLE, retry_after=wait)


class TestChain:
    def test_ok(self) -> None:
        error = E(
            "tasks.create",
            kind=Kind.EXIST,
            code="MINE",
            message="Said.",
            detail="for the log",
            param="title",
            user="alice",
            realm="candor",
            retry_after=3,
            violations=(VIOLATION,),
            row=7,
        )
        assert (error.op, error.kind, error.code, error.message) == ("tasks.create", Kind.EXIST, "MINE", "Said.")
        assert (error.detail, error.param, error.user, error.realm) == ("for the log", "title", "alice", "candor")
        assert (error.retry_after, error.violations, error.facts) == (3, (VIOLATION,), {"row": 7})

    def test_attributes_of_the_inner_error_are_kept(self) -> None:
        inner = TaskTitleTaken(
            param="title", user="alice", detail="why", realm="r", retry_after=2, violations=(VIOLATION,)
        )
        error = raised(E("tasks.create"), inner)
        assert (error.kind, error.code, error.param) == (Kind.EXIST, "TASK_TITLE_TAKEN", "title")
        assert (error.user, error.detail, error.realm, error.retry_after) == ("alice", "why", "r", 2)
        assert error.violations == (VIOLATION,)

    def test_attributes_set_again_override_inner_ones(self) -> None:
        error = raised(
            E(kind=Kind.CONFLICT, code="OTHER_CODE", param="name", user="bob", message="Anew."),
            TaskTitleTaken(param="title", user="alice", message="First."),
        )
        assert (error.kind, error.code, error.param, error.user) == (Kind.CONFLICT, "OTHER_CODE", "name", "bob")
        assert error.message == "Anew."

    def test_each_layer_adds_the_attributes_that_others_leave_unset(self) -> None:
        lowest = E("sql", kind=Kind.DATABASE, param="title")
        middle = raised(E("tasks.add", user="alice"), lowest)
        top = raised(E("tasks.create"), middle)
        assert (top.kind, top.param, top.user) == (Kind.DATABASE, "title", "alice")

    def test_a_named_error_keeps_its_own_kind(self) -> None:
        assert raised(InternalError(), TaskNotFound()).kind is Kind.INTERNAL

    def test_attributes_are_found_through_other_exceptions(self) -> None:
        foreign = raised(E("outer"), KeyError("x"))
        assert foreign.kind is Kind.OTHER
        with pytest.raises(RuntimeError) as caught:
            raise RuntimeError("between") from TaskNotFound()
        assert raised(E("outer"), caught.value).kind is Kind.NOT_EXIST

    def test_an_implicit_context_adds_no_attributes(self) -> None:
        error = E("handling")
        error.__context__ = TaskNotFound()
        assert error.kind is Kind.OTHER

    def test_a_cause_can_be_passed_without_raising(self) -> None:
        assert E("outer", cause=TaskNotFound()).kind is Kind.NOT_EXIST

    def test_an_explicit_kind_other_equals_an_unset_kind(self) -> None:
        assert E(Kind.OTHER, TaskNotFound()).kind is Kind.NOT_EXIST
        assert raised(E("tasks.get", kind=Kind.OTHER), TaskNotFound()).kind is Kind.NOT_EXIST
        assert E(Kind.OTHER).kind is Kind.OTHER
        assert match(E(Kind.OTHER), TaskNotFound())


class TestShown:
    """The parts that every transport shows in the same way."""

    @pytest.mark.parametrize("kind", Kind)
    def test_a_code_is_shown_unless_the_service_is_at_fault(self, kind: Kind) -> None:
        is_ours = kind.fault is errs.Fault.SERVICE
        assert errs.public_code(E(kind, code="TASK_LOCKED")) == ("INTERNAL_ERROR" if is_ours else "TASK_LOCKED")
        assert errs.public_code(E(kind)) == errs.fallback(kind).code

    def test_the_code_of_a_cause_is_shown(self) -> None:
        assert errs.public_code(E("a", E("b", Kind.CONFLICT, code="TASK_LOCKED"))) == "TASK_LOCKED"

    def test_an_unknown_code_of_another_service_is_hidden(self) -> None:
        assert errs.public_code(errs.from_problem({"kind": "edit_conflict", "code": "no code"})) == "EDIT_CONFLICT"

    def test_facts_of_the_cause_are_shown(self) -> None:
        inner = errs.platform.DeadlineExceeded("sql", budget_ms=50, spent_in="database", statement="SELECT 1")
        assert errs.public_facts(E("b", E("a", inner))) == {"budget_ms": 50, "spent_in": "database"}

    def test_facts_below_the_error_with_code_and_kind_are_hidden(self) -> None:
        inner = errs.access.InsufficientScope(scope="tasks")
        assert errs.known_facts(E("a", raised(errs.tasks.NotTaskOwner(row=1), inner))) == {"row": 1}

    @pytest.mark.parametrize(
        ("given", "shown"), [({"PUT", "GET"}, ["GET", "PUT"]), ("GET", ["GET"]), (("GET",), ["GET"]), (7, None)]
    )
    def test_a_fact_is_converted_to_its_declared_type(self, given: object, shown: object) -> None:
        assert errs.public_facts(E(Kind.METHOD_NOT_ALLOWED, allowed=given, colour="red")).get("allowed") == shown

    def test_a_fact_that_is_not_a_number_is_hidden(self) -> None:
        assert errs.public_facts(E(Kind.RATE_LIMITED, limit="many", window_seconds=True)) == {}

    @pytest.mark.parametrize("kind", Kind)
    def test_a_wait_is_shown_for_retryable_errors(self, kind: Kind) -> None:
        assert errs.public_wait(E(kind)) == (1 if kind in {Kind.RATE_LIMITED, Kind.UNAVAILABLE} else None)
        assert errs.public_wait(E(kind, retry_after=7)) == 7

    def test_a_wait_is_hidden_when_waiting_does_not_help(self) -> None:
        assert errs.public_wait(E(Kind.UNAVAILABLE, code="NOT_IMPLEMENTED")) is None
