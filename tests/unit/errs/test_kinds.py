"""The kinds of the contract, written down a second time: a changed kind requires a changed contract."""

import logging

import pytest

from app.errs import Fault, Kind

# Kind, integer, string, retryable, fault.
TABLE = {
    "OTHER": (0, "other_error", False, "service"),
    "INVALID": (1, "invalid_operation", False, "client"),
    "IO": (2, "io_error", False, "service"),
    "EXIST": (3, "item_already_exists", False, "client"),
    "NOT_EXIST": (4, "item_does_not_exist", False, "client"),
    "PRIVATE": (5, "information_withheld", False, "client"),
    "INTERNAL": (6, "internal_error", False, "service"),
    "BROKEN_LINK": (7, "link_target_does_not_exist", False, "client"),
    "DATABASE": (8, "database_error", False, "service"),
    "VALIDATION": (9, "input_validation_error", False, "client"),
    "UNANTICIPATED": (10, "unanticipated_error", False, "service"),
    "INVALID_REQUEST": (11, "invalid_request_error", False, "client"),
    "UNAUTHENTICATED": (12, "unauthenticated_request", False, "client"),
    "UNAUTHORIZED": (13, "unauthorized_request", False, "client"),
    "UNSUPPORTED_MEDIA_TYPE": (14, "unsupported_media_type", False, "client"),
    "METHOD_NOT_ALLOWED": (15, "method_not_allowed", False, "client"),
    "NOT_ACCEPTABLE": (16, "not_acceptable", False, "client"),
    "CONFLICT": (17, "edit_conflict", True, "client"),
    "PRECONDITION_FAILED": (18, "precondition_failed", False, "client"),
    "PRECONDITION_REQUIRED": (19, "precondition_required", False, "client"),
    "TOO_LARGE": (20, "request_too_large", False, "client"),
    "UNPROCESSABLE": (21, "unprocessable_request", False, "client"),
    "RATE_LIMITED": (22, "rate_limit_exceeded", True, "client"),
    "EXTERNAL": (23, "external_service_error", True, "dependency"),
    "UNAVAILABLE": (24, "service_unavailable", True, "capacity"),
    "DEADLINE": (25, "deadline_exceeded", True, "capacity"),
    "STORAGE_FULL": (26, "insufficient_storage", True, "capacity"),
}


class TestKind:
    def test_the_kinds_are_those_of_the_contract_with_fixed_integers(self) -> None:
        listed = {kind.name: (kind.value, kind.string, kind.retryable, kind.fault.value) for kind in Kind}
        assert listed == TABLE

    def test_the_order_is_that_of_the_integers(self) -> None:
        assert [kind.value for kind in Kind] == list(range(len(TABLE)))

    def test_client_errors_are_warnings_and_others_errors(self) -> None:
        for kind in Kind:
            assert kind.log_level == (logging.WARNING if kind.fault is Fault.CLIENT else logging.ERROR)

    def test_an_integer_maps_to_its_kind(self) -> None:
        assert Kind(4) is Kind.NOT_EXIST  # type: ignore[call-arg]  # a look-up by value


class TestOf:
    def test_ok(self) -> None:
        assert all(Kind.of(kind.string) is kind for kind in Kind)

    @pytest.mark.parametrize("string", ["", "NOT_EXIST", "not_exist", "Item_does_not_exist", "item_does_not_exist "])
    def test_an_unknown_string_is_rejected(self, string: str) -> None:
        with pytest.raises(ValueError, match="no kind has the string"):
            Kind.of(string)
