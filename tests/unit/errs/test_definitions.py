"""A definition that could not be rendered is refused where it stands; what stands elsewhere is in no catalogue."""

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
    """Leave no class behind."""
    yield
    gc.collect(1)  # young as they are; the whole heap of a full run takes seconds


def define(**changes: object) -> type[Error]:
    """Define a named error that is complete but for the changes; ``None`` leaves a member out."""
    members = {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}
    return type("ThingWrong", (Error,), members)


class TestDefinition:
    def test_ok(self) -> None:
        error = define()()
        assert (error.kind, error.code, str(error)) == (Kind.INVALID, "THING_WRONG", "A thing went wrong.")

    def test_without_a_docstring_it_is_refused(self) -> None:
        with pytest.raises(TypeError, match="the docstring is the title"):
            define(__doc__=None)

    @pytest.mark.parametrize(
        "code", ["thing_wrong", "Thing", "THING-WRONG", "", "_THING", "THING_", "1THING", "THING\n"]
    )
    def test_a_code_that_is_not_upper_snake_is_refused(self, code: str) -> None:
        with pytest.raises(TypeError, match="a code is UPPER_SNAKE"):
            define(code=code)

    @pytest.mark.parametrize("name", ["client", "operator", "since"])
    def test_without_what_its_page_shows_it_is_refused(self, name: str) -> None:
        with pytest.raises(TypeError, match=f"'{name}' is missing"):
            define(**{name: None})

    def test_a_message_about_an_undeclared_fact_is_refused(self) -> None:
        with pytest.raises(TypeError, match="contains undeclared facts: colour"):
            define(message="It is {colour}.")

    def test_a_message_may_speak_of_retry_after(self) -> None:
        named = define(
            message="{limit} in {retry_after} s.",
            __annotations__={"limit": int},
            example={"limit": 1, "retry_after": 2},
        )
        assert named(limit=3, retry_after=4).message == "3 in 4 s."

    def test_an_example_that_lacks_a_fact_is_refused(self) -> None:
        with pytest.raises(TypeError, match="the example lacks colour"):
            define(__annotations__={"colour": str})

    def test_a_fact_of_a_type_that_no_transport_knows_is_refused(self) -> None:
        with pytest.raises(TypeError, match="a fact is a str, int"):
            define(__annotations__={"colour": bytes}, example={"colour": b""})

    def test_without_a_code_a_class_is_no_definition(self) -> None:
        assert define(code=None, client=None)().code == ""


class TestCatalogue:
    def test_codes_are_in_order_and_name_their_classes(self) -> None:
        named = errs.named_errors()
        assert list(named) == sorted(named)
        assert all(code == cls.code for code, cls in named.items())
        assert {"TASK_NOT_FOUND", "INTERNAL_ERROR", "ITEM_DOES_NOT_EXIST"} <= set(named)

    def test_a_class_defined_elsewhere_does_not_enter(self) -> None:
        kept = define()
        errs.named_errors.cache_clear()
        assert kept.code not in errs.named_errors()

    def test_two_errors_with_one_code_are_refused(self) -> None:
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

    def test_every_definition_tells_what_its_page_shows(self) -> None:
        for named in errs.named_errors().values():
            assert errs.title(named).endswith(".")
            assert errs.occurrence(named)
            assert "\n" not in errs.title(named) + errs.occurrence(named)
            assert "``" not in errs.occurrence(named) + named.operator

    def test_what_stands_in_problem_documents_is_plain(self) -> None:
        for named in errs.named_errors().values():
            assert "`" not in errs.title(named) + named.client + getattr(named, "message", "")

    def test_the_plain_text_is_without_backticks(self) -> None:
        assert errs.plain("run `flask db upgrade` or `make db`") == "run flask db upgrade or make db"

    def test_a_slug_is_the_code_in_kebab_case(self) -> None:
        assert errs.slug("TASK_NOT_FOUND") == "task-not-found"

    def test_an_occurrence_is_the_docstring_s_rest_or_its_title(self) -> None:
        assert errs.occurrence(InternalError).startswith("The cause is a bug or an unexpected fault.")
        assert errs.occurrence(TaskNotFound) == errs.title(TaskNotFound) == "The task does not exist."


class TestDefinitionOf:
    def test_a_named_error_is_its_own(self) -> None:
        assert errs.definition(TaskNotFound()) is TaskNotFound

    def test_an_error_around_it_is_of_the_same_definition(self) -> None:
        assert errs.definition(E("tasks.get", cause=TaskNotFound())) is TaskNotFound

    def test_a_code_we_do_not_know_falls_back_on_its_kind(self) -> None:
        assert errs.definition(E(kind=Kind.NOT_EXIST, code="NO_SUCH_THING")).code == "ITEM_DOES_NOT_EXIST"

    def test_a_code_is_at_most_as_long_as_google_s(self) -> None:
        assert define(code="A" * 63)
        with pytest.raises(TypeError, match="at most 63 characters"):
            define(code="A" * 64)

    def test_a_code_of_ours_under_another_kind_falls_back_on_the_kind(self) -> None:
        assert errs.definition(E(kind=Kind.EXIST, code="TASK_NOT_FOUND")).code == "ITEM_ALREADY_EXISTS"

    def test_every_kind_has_a_fallback_and_faults_of_ours_share_one(self) -> None:
        for kind in Kind:
            assert errs.fallback(kind).kind is (Kind.INTERNAL if kind.fault is Fault.SERVICE else kind)
