"""Problem documents of other services: known kinds are kept, and any other input is harmless."""

from typing import Any

import pytest
from hypothesis import example, given

from app import errs
from app.errs import Kind, from_problem
from app.errs.requests import ValidationFailed
from app.rest import error_examples
from app.rest.errors import BODILESS, status_of
from tests.unit.errs.test_serialization import JSON


class TestSameCatalogue:
    @pytest.mark.parametrize("code", sorted(errs.named_errors()))
    def test_every_error_of_the_catalogue_is_recognized(self, code: str) -> None:
        named = errs.named_errors()[code]
        document = error_examples.document(named, public_url="http://candor.test")
        if status_of(named) in BODILESS:
            assert document is None
            return
        assert document is not None
        error = from_problem(document)
        assert errs.definition(error) is named
        assert (error.kind, error.code, error.param) == (named.kind, named.code, document.get("param"))
        assert error.retry_after == document.get("retry_after")
        assert error.facts == {"remote_request_id": document["request_id"], "remote_status": document["status"]}

    def test_its_texts_are_only_logged(self) -> None:
        document = error_examples.document(ValidationFailed, public_url="http://candor.test")
        assert document is not None
        error = from_problem(document)
        assert (error.message, error.detail) == ("", document["detail"])


class TestForeign:
    def test_a_document_without_a_known_kind_is_an_external_error(self) -> None:
        error = from_problem({"type": "about:blank", "title": "Not Found", "status": 404, "kind": "missing"})
        assert (error.kind, error.code, error.detail) == (Kind.EXTERNAL, "", "Not Found")
        assert errs.definition(error).code == "EXTERNAL_SERVICE_ERROR"

    def test_a_known_code_under_another_kind_is_ignored(self) -> None:
        assert errs.definition(from_problem({"code": "TASK_NOT_FOUND"})).code == "EXTERNAL_SERVICE_ERROR"

    @pytest.mark.parametrize("wait", [-1, True, "5", 1.5, None, [], 10**30])
    def test_an_invalid_wait_is_ignored(self, wait: object) -> None:
        assert from_problem({"retry_after": wait}).retry_after is None

    @pytest.mark.parametrize("document", [None, [], "nonsense", 7, {}])
    def test_a_body_that_is_not_a_problem_document_is_an_external_error(self, document: object) -> None:
        assert from_problem(document).kind is Kind.EXTERNAL

    @given(JSON)
    @example({"kind": {}, "code": 5, "param": [], "detail": {}, "title": 1, "status": "x", "request_id": 7})
    def test_any_input_becomes_an_error(self, document: Any) -> None:
        error = from_problem(document)
        assert str(error)
        assert errs.definition(error).kind is (Kind.INTERNAL if error.kind.value in {0, 2, 8, 10} else error.kind)
