"""Error definitions: an incomplete one is rejected at its class statement, and tests add none to the catalogue."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app import errs
from app.errs import E, Error, Fault, Kind
from app.errs.platform import InternalError
from app.errs.tasks import TaskNotFound

COMPLETE: dict[str, Any] = {
    "__doc__": "A thing went wrong.",
    "__module__": __name__,
    "kind": Kind.INVALID,
    "code": "THING_WRONG",
    "client": "Do this.",
    "operator": "Nothing.",
    "since": "0.1.0",
}


@pytest.fixture(autouse=True)
def forget_definitions() -> Iterator[None]:
    """Remove the classes that a test defines."""
    yield
    gc.collect(1)  # the classes are young; collecting the whole heap of a full run takes seconds


def define(**changes: object) -> type[Error]:
    """Define a complete named error with changes; ``None`` leaves an attribute out."""
    members = {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}
    return type("ThingWrong", (Error,), members)


class TestDefinition:
    def test_ok(self) -> None:
        error = define()()
        assert (error.kind, error.code, str(error)) == (Kind.INVALID, "THING_WRONG", "A thing went wrong.")

    def test_a_missing_docstring_is_rejected(self) -> None:
        with pytest.raises(TypeError, match="the docstring is the title"):
            define(__doc__=None)

    @pytest.mark.parametrize(
        "code", ["thing_wrong", "Thing", "THING-WRONG", "", "_THING", "THING_", "1THING", "THING\n"]
    )
    def test_a_code_that_is_not_upper_snake_case_is_rejected(self, code: str) -> None:
        with pytest.raises(TypeError, match="a code is UPPER_SNAKE"):
            define(code=code)

    @pytest.mark.parametrize("name", ["client", "operator", "since"])
    def test_a_missing_text_of_its_page_is_rejected(self, name: str) -> None:
        with pytest.raises(TypeError, match=f"'{name}' is missing"):
            define(**{name: None})

    def test_a_message_with_an_undeclared_fact_is_rejected(self) -> None:
        with pytest.raises(TypeError, match="contains undeclared facts: colour"):
            define(message="It is {colour}.")

    def test_a_message_can_contain_retry_after(self) -> None:
        named = define(
            message="{limit} in {retry_after} s.",
            __annotations__={"limit": int},
            example={"limit": 1, "retry_after": 2},
        )
        assert named(limit=3, retry_after=4).message == "3 in 4 s."

    def test_an_example_without_a_declared_fact_is_rejected(self) -> None:
        with pytest.raises(TypeError, match="the example lacks colour"):
            define(__annotations__={"colour": str})

    def test_a_fact_of_an_unsupported_type_is_rejected(self) -> None:
        with pytest.raises(TypeError, match="a fact is a str, int"):
            define(__annotations__={"colour": bytes}, example={"colour": b""})

    def test_a_class_without_a_code_is_not_a_definition(self) -> None:
        assert define(code=None, client=None)().code == ""


class TestCatalogue:
    def test_codes_are_sorted_and_map_to_their_classes(self) -> None:
        named = errs.named_errors()
        assert list(named) == sorted(named)
        assert all(code == cls.code for code, cls in named.items())
        assert {"TASK_NOT_FOUND", "INTERNAL_ERROR", "ITEM_DOES_NOT_EXIST"} <= set(named)

    def test_a_class_defined_in_another_package_is_left_out(self) -> None:
        kept = define()
        errs.named_errors.cache_clear()
        assert kept.code not in errs.named_errors()

    def test_two_errors_with_one_code_are_rejected(self) -> None:
        program = (
            "from app import errs\n"
            "class Twin(errs.Error):\n"
            "    'Twin.'\n"
            "    kind, code, client, operator, since = errs.Kind.INVALID, 'TASK_NOT_FOUND', 'a', 'b', 'c'\n"
            "    __module__ = 'app.errs.twins'\n"
            "errs.named_errors.cache_clear()\n"
            "errs.named_errors()\n"
        )
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "both have the code TASK_NOT_FOUND" in ended.stderr

    def test_every_definition_has_the_texts_of_its_page(self) -> None:
        for named in errs.named_errors().values():
            assert errs.title(named).endswith(".")
            assert errs.occurrence(named)
            assert "\n" not in errs.title(named) + errs.occurrence(named)
            assert "``" not in errs.occurrence(named) + named.operator

    def test_texts_in_problem_documents_have_no_markup(self) -> None:
        for named in errs.named_errors().values():
            assert "`" not in errs.title(named) + named.client + getattr(named, "message", "")

    def test_plain_text_has_no_backticks(self) -> None:
        assert errs.plain("run `flask db upgrade` or `make db`") == "run flask db upgrade or make db"

    def test_a_slug_is_the_code_in_kebab_case(self) -> None:
        assert errs.slug("TASK_NOT_FOUND") == "task-not-found"

    def test_an_occurrence_is_the_body_of_the_docstring_or_its_title(self) -> None:
        assert errs.occurrence(InternalError).startswith("The cause is a bug or an unexpected fault.")
        assert errs.occurrence(TaskNotFound) == errs.title(TaskNotFound) == "The task does not exist."


class TestDefinitionOf:
    def test_a_named_error_has_its_own_definition(self) -> None:
        assert errs.definition(TaskNotFound()) is TaskNotFound

    def test_a_wrapping_error_has_the_same_definition(self) -> None:
        assert errs.definition(E("tasks.get", cause=TaskNotFound())) is TaskNotFound

    def test_an_unknown_code_maps_to_the_fallback_of_its_kind(self) -> None:
        assert errs.definition(E(kind=Kind.NOT_EXIST, code="NO_SUCH_THING")).code == "ITEM_DOES_NOT_EXIST"

    def test_a_code_has_the_maximum_length_of_google_s_codes(self) -> None:
        assert define(code="A" * 63)
        with pytest.raises(TypeError, match="at most 63 characters"):
            define(code="A" * 64)

    def test_a_known_code_under_another_kind_maps_to_the_fallback_of_the_kind(self) -> None:
        assert errs.definition(E(kind=Kind.EXIST, code="TASK_NOT_FOUND")).code == "ITEM_ALREADY_EXISTS"

    def test_every_kind_has_a_fallback_and_internal_kinds_share_one(self) -> None:
        for kind in Kind:
            assert errs.fallback(kind).kind is (Kind.INTERNAL if kind.fault is Fault.SERVICE else kind)
