"""Update masks select the members to write, ``fields`` selects the members of a response (C19)."""

import pytest

from app import errs
from app.wire.field_mask import parse_fields, parse_mask

WRITABLE = ("title", "description", "tags")
READABLE = ("name", "title", "tags")


def violations(text: str) -> tuple[errs.Violation, ...]:
    with pytest.raises(errs.requests.ValidationFailed) as caught:
        parse_mask(text, writable=WRITABLE, present=())
    return caught.value.violations


class TestParseMask:
    def test_ok(self) -> None:
        assert parse_mask("tags,title", writable=WRITABLE, present=("description",)) == ("title", "tags")

    def test_without_a_mask_the_writable_members_of_the_body_are_used_in_order(self) -> None:
        assert parse_mask(None, writable=WRITABLE, present={"tags", "name", "title"}) == ("title", "tags")

    def test_without_a_mask_and_members_nothing_is_written(self) -> None:
        assert parse_mask(None, writable=WRITABLE, present={}) == ()

    def test_repeated_paths_and_spaces_around_them_are_ignored(self) -> None:
        assert parse_mask(" title , title,tags ", writable=WRITABLE, present=()) == ("title", "tags")

    @pytest.mark.parametrize("text", ["", " ", ",", ",,"])
    def test_an_explicit_empty_mask_is_one_violation(self, text: str) -> None:
        message = "update_mask has an empty path. Allowed: title, description, tags"
        assert violations(text) == (errs.Violation("update_mask", "INVALID_VALUE", message, parameter="update_mask"),)

    def test_every_path_that_cannot_be_written_is_a_violation_with_the_allowed_ones(self) -> None:
        assert [violation.message for violation in violations("colour,title,name,")] == [
            "update_mask must not contain 'colour'. Allowed: title, description, tags",
            "update_mask must not contain 'name'. Allowed: title, description, tags",
            "update_mask has an empty path. Allowed: title, description, tags",
        ]

    @pytest.mark.parametrize(
        "text", ["*", "Title", "title.x", "tags[0]", "title;tags", "title\n", "\0", "\ud800", "x" * 9999]
    )
    def test_a_path_is_matched_exactly_and_quoted_in_printable_form(self, text: str) -> None:
        (violation,) = violations(text)
        assert len(violation.message.encode()) < 200
        assert violation.message.isprintable() or "\ufffd" in violation.message

    def test_the_parameter_name_is_configurable(self) -> None:
        with pytest.raises(errs.requests.ValidationFailed) as caught:
            parse_mask("x", writable=WRITABLE, present=(), parameter="mask")
        (violation,) = caught.value.violations
        assert (violation.field, violation.parameter) == ("mask", "mask")


class TestParseFields:
    def test_ok(self) -> None:
        assert parse_fields("title,name,title", readable=READABLE) == ("name", "title")

    def test_without_fields_every_member_is_returned(self) -> None:
        assert parse_fields(None, readable=READABLE) is None

    @pytest.mark.parametrize("text", ["", "password_hash", "name,owner.email"])
    def test_an_empty_list_and_unknown_members_are_violations_with_the_allowed_ones_c19(self, text: str) -> None:
        with pytest.raises(errs.requests.ValidationFailed) as caught:
            parse_fields(text, readable=READABLE)
        (violation,) = caught.value.violations
        assert (violation.field, violation.code, violation.parameter) == ("fields", "INVALID_VALUE", "fields")
        assert violation.message.endswith(". Allowed: name, title, tags")
