"""Errors: an attribute that an error doesn't set comes from the nearest cause that sets it."""

import pytest

from app.errs import E, Error, Kind, Violation, causes, ops
from app.errs.platform import DeadlineExceeded
from app.errs.requests import BodyTooLarge, UnsupportedMediaType, ValidationFailed
from app.errs.tasks import TaskNotFound

VIOLATION = Violation("title", "TOO_LONG", "title is too long", pointer="#/title")


def raised(outer: Error, inner: BaseException) -> Error:
    """Return the outer error as the code that catches it sees it."""
    with pytest.raises(Error) as caught:
        raise outer from inner
    return caught.value


class TestError:
    def test_attributes_have_neutral_defaults(self) -> None:
        error = Error()
        assert (error.kind, error.code, error.message, error.violations, error.failures) == (Kind.OTHER, "", "", (), ())
        assert {error.detail, error.param, error.user, error.op, error.realm, error.retry_after} == {None}
        assert error.facts == {}

    def test_a_named_error_has_the_attributes_of_its_class(self) -> None:
        assert (TaskNotFound().kind, TaskNotFound().code) == (Kind.NOT_EXIST, "TASK_NOT_FOUND")

    def test_a_message_template_is_filled_with_facts(self) -> None:
        assert BodyTooLarge(limit=7).message == "A body can have at most 7 bytes. Nothing was written."

    def test_a_list_is_joined_with_commas(self) -> None:
        assert UnsupportedMediaType(supported=["a/b", "c/d"]).message.endswith("one of these formats: a/b, c/d.")

    def test_an_explicit_message_overrides_the_template(self) -> None:
        assert BodyTooLarge(limit=7, message="Too much.").message == "Too much."

    def test_a_subclass_inherits_the_message_template(self) -> None:
        class MuchTooLarge(BodyTooLarge):
            pass

        assert MuchTooLarge(limit=7).message.startswith("A body can have at most 7 bytes.")

    def test_a_missing_fact_is_a_programming_error(self) -> None:
        with pytest.raises(TypeError, match="DeadlineExceeded needs budget_ms, spent_in"):
            DeadlineExceeded()

    @pytest.mark.parametrize("name", ["kind", "code"])
    def test_kind_and_code_come_from_the_class(self, name: str) -> None:
        with pytest.raises(TypeError, match="the class defines kind and code"):
            Error(**{name: "X"})  # type: ignore[arg-type]  # what is tested

    def test_undeclared_facts_are_kept_and_facts_are_attributes(self) -> None:
        error = DeadlineExceeded(budget_ms=50, spent_in="database", statement="SELECT 1")
        assert (error.budget_ms, error.spent_in) == (50, "database")
        assert error.facts == {"budget_ms": 50, "spent_in": "database", "statement": "SELECT 1"}

    @pytest.mark.parametrize("op", ["no such task", "tab\there", "", " "])
    def test_a_positional_message_is_not_an_operation(self, op: str) -> None:
        with pytest.raises(TypeError, match=r"an operation is a name without blanks.*write message="):
            TaskNotFound(op)

    def test_an_unknown_attribute_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="TaskNotFound has no attribute 'colour'"):
            _ = TaskNotFound().colour

    def test_a_fact_cannot_have_the_name_of_an_attribute(self) -> None:
        error = Error()
        error.facts = {"message": "hidden", "user": "mallory"}
        assert (error.message, error.user) == ("", None)


class TestTrail:
    def test_operations_are_listed_outermost_first_without_gaps(self) -> None:
        error = raised(E("rest.create"), raised(E(user="alice"), raised(E("tasks.create"), E("sql.insert"))))
        assert ops(error) == ["rest.create", "tasks.create", "sql.insert"]

    def test_a_chain_is_listed_outermost_first(self) -> None:
        inner = KeyError("x")
        error = raised(E("outer"), inner)
        assert list(causes(error)) == [error, inner]

    def test_none_has_no_chain(self) -> None:
        assert list(causes(None)) == []


class TestStr:
    def test_it_has_the_operations_and_the_message_once(self) -> None:
        error = raised(E("rest.create"), raised(E("tasks.create"), E("sql", message="Shown once.")))
        assert str(error) == "rest.create: tasks.create: sql: Shown once."

    def test_a_named_error_without_a_message_shows_its_title(self) -> None:
        assert str(TaskNotFound()) == "The task does not exist."
        assert str(raised(E("tasks.get"), TaskNotFound())) == "tasks.get: The task does not exist."

    def test_an_empty_error_shows_its_kind(self) -> None:
        assert str(E(kind=Kind.IO)) == "io_error"

    def test_it_has_no_detail_user_or_facts(self) -> None:
        error = E("op", kind=Kind.IO, detail="secret", user="alice", password="hunter2")
        assert str(error) == "op: io_error"


class TestViolation:
    def test_the_document_has_only_the_set_members(self) -> None:
        assert VIOLATION.document() == {
            "field": "title",
            "pointer": "#/title",
            "code": "TOO_LONG",
            "message": "title is too long",
        }

    @pytest.mark.parametrize(
        ("field", "pointer"),
        [("status", "#/status"), ("tags[2]", "#/tags/2"), ("items[0].sku", "#/items/0/sku"), ("a[0][1]", "#/a/0/1")],
    )
    def test_the_pointer_of_a_member_is_derived_from_its_name(self, field: str, pointer: str) -> None:
        assert Violation.of_member(field, "TOO_LONG", "x").pointer == pointer

    def test_violations_are_kept_by_the_error(self) -> None:
        assert ValidationFailed(violations=(VIOLATION,)).violations == (VIOLATION,)
