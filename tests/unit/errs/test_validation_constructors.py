"""Constructors of common validation errors."""

from app.errs import Kind, Violation, input_unwanted, missing_field


class TestMissingField:
    def test_ok(self) -> None:
        error = missing_field("title")
        assert str(error) == error.message == "title is required"
        assert (error.kind, error.code, error.param) == (Kind.VALIDATION, "VALIDATION_FAILED", "title")
        assert error.violations == (Violation("title", "REQUIRED_FIELD", "title is required", pointer="#/title"),)


class TestInputUnwanted:
    def test_ok(self) -> None:
        error = input_unwanted("id")
        assert str(error) == error.message == "id must not be set"
        assert (error.kind, error.code, error.param) == (Kind.VALIDATION, "VALIDATION_FAILED", "id")
        assert error.violations == (Violation("id", "UNKNOWN_FIELD", "id must not be set", pointer="#/id"),)
