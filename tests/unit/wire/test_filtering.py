"""Filters are comparisons joined by AND; errors have the position of the token (C18)."""

import json
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import errs
from app.models.query import Comparison, Operator, Value
from app.wire import filter_types
from app.wire.filtering import parse_filter
from tests.examples import examples


class Colour(IntEnum):
    NONE = 0
    RED = 1
    DARK_BLUE = 2


MEMBERS = {
    "title": filter_types.text(),
    "note": filter_types.text(nullable=True),
    "colour": filter_types.choice(Colour, prefix="COLOUR_"),
    "size": filter_types.choice(Colour, prefix="", ordered=True),
    "due_date": filter_types.timestamp(nullable=True),
    "run_time": filter_types.integer(),
    "tags": filter_types.tags(),
    "total": filter_types.amount(nullable=True),
    "day": filter_types.date(),
    "is_paid": filter_types.boolean(),
    "order_id": filter_types.uuid(),
}
NAMES = ["title", "note", "colour", "size", "due_date", "run_time", "tags", "total", "day", "is_paid", "order_id"]
ID = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
COLOURS = ["COLOUR_NONE", "COLOUR_RED", "COLOUR_DARK_BLUE"]
EQUALITY = ["=", "!="]
A_TEXT = ["a quoted text"]


def parse(text: str) -> list[tuple[str, str, Value]]:
    return [(found.member, found.operator.value, found.value) for found in parse_filter(text, MEMBERS)]


def rejection(text: str) -> errs.Error:
    with pytest.raises(errs.lists.InvalidFilter) as caught:
        parse_filter(text, MEMBERS)
    assert caught.value.param == "filter"
    return caught.value


def facts(text: str) -> tuple[object, ...]:
    error = rejection(text)
    return error.reason, error.token, error.position, error.allowed


class TestValidFilters:
    def test_ok(self) -> None:
        text = 'colour = COLOUR_RED AND title != "Milk" AND due_date < "2027-01-01T00:00:00Z"'
        assert parse_filter(text, MEMBERS) == (
            Comparison("colour", Operator.EQ, Colour.RED),
            Comparison("title", Operator.NE, "Milk"),
            Comparison("due_date", Operator.LT, datetime(2027, 1, 1, tzinfo=UTC)),
        )

    @pytest.mark.parametrize("text", ["", " ", "\t\r\n "])
    def test_a_blank_filter_selects_everything(self, text: str) -> None:
        assert parse_filter(text, MEMBERS) == ()

    @pytest.mark.parametrize("name", ["RED", "COLOUR_RED", '"RED"', "'COLOUR_RED'"])
    def test_enum_values_are_parsed_with_or_without_prefix(self, name: str) -> None:
        (found,) = parse_filter(f"colour={name}", MEMBERS)
        assert found.value is Colour.RED

    def test_the_enum_value_zero_is_a_value(self) -> None:
        assert parse("colour = NONE") == [("colour", "=", 0)]

    @pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
    def test_every_operator_of_the_contract_is_supported(self, operator: str) -> None:
        assert parse(f"run_time {operator} 90") == [("run_time", operator, 90)]
        assert parse(f"size{operator}RED") == [("size", operator, 1)]

    @pytest.mark.parametrize("text", ["tags:home", "tags : home", 'tags:"home"'])
    def test_tags_are_matched_with_a_colon(self, text: str) -> None:
        assert parse(text) == [("tags", ":", "home")]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *((f"total >= {sent}", Decimal("4.90")) for sent in ("4.90", '"4.90"', "4.9")),
            ("total < -7", Decimal(-7)),
            ("total = null", None),
            *((f"day < {sent}", date(2027, 1, 31)) for sent in ("2027-01-31", "'2027-01-31'")),
            *((f"is_paid = {sent}", sent == "true") for sent in ("true", "false")),
            *((f"order_id != {sent}", UUID(ID)) for sent in (ID, ID.upper(), f'"{ID}"')),
        ],
    )
    def test_values_have_the_type_of_their_property(self, text: str, value: Value) -> None:
        (found,) = parse_filter(text, MEMBERS)
        assert (found.value, type(found.value)) == (value, type(value))

    def test_spaces_around_tokens_are_optional(self) -> None:
        assert parse("  title='a'AND\nnote\t=\tb ") == [("title", "=", "a"), ("note", "=", "b")]

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("milk", "milk"),
            ("a_b-c.d:e", "a_b-c.d:e"),
            ('""', ""),
            (r'"say \"hi\""', 'say "hi"'),
            (r"'it\'s'", "it's"),
            ('"it\'s"', "it's"),
            (r'"a\\"', "a\\"),
            (r'"\\%\\_"', r"\%\_"),
            ('"50 % _ -- ; (x) :*"', "50 % _ -- ; (x) :*"),
            ('"x AND y OR z"', "x AND y OR z"),
            ('"null"', "null"),
            ('"naïve 😀"', "naïve 😀"),
            ("AND", "AND"),
        ],
    )
    def test_a_value_contains_no_wildcards_or_operators(self, written: str, value: str) -> None:
        assert parse(f"title = {written} AND run_time > 1") == [("title", "=", value), ("run_time", ">", 1)]

    @pytest.mark.parametrize("operator", ["=", "!="])
    def test_null_is_supported_for_nullable_members(self, operator: str) -> None:
        assert parse(f"due_date {operator} null") == [("due_date", operator, None)]

    @pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
    def test_integers_have_64_bits(self, number: int) -> None:
        assert parse(f"run_time={number}") == [("run_time", "=", number)]

    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20), st.sampled_from("'\""))
    def test_any_quoted_text_is_parsed_to_itself(self, value: str, quote: str) -> None:
        written = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        assert parse(f"title={quote}{written}{quote}") == [("title", "=", value)]


class TestInvalidFilters:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('password_hash = "x"', ("Unknown property", "password_hash", 1, NAMES)),
            ("  owner.email = x", ("Unknown property", "owner.email", 3, NAMES)),
            ("Title = x", ("Unknown property", "Title", 1, NAMES)),
            ("password:x", ("Unknown property", "password", 1, NAMES)),
            ("title = a AND ", ("A property is expected", "end of filter", 15, NAMES)),
            ("title = a AND AND", ("Unknown property", "AND", 15, NAMES)),
            ('"title" = a', ("A property is expected", '"title"', 1, NAMES)),
            ("= a", ("A property is expected", "=", 1, NAMES)),
        ],
    )
    def test_an_unknown_member_is_reported_with_the_allowed_ones(self, text: str, expected: tuple[object, ...]) -> None:
        assert facts(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("title", ("An operator is expected", "end of filter", 6, ["=", "!=", "<", "<=", ">", ">="])),
            ("colour LIKE x", ("An operator is expected", "LIKE", 8, EQUALITY)),
            ("colour == RED", ("The property does not support this operator", "==", 8, EQUALITY)),
            ("colour < RED", ("The property does not support this operator", "<", 8, EQUALITY)),
            ("colour:RED", ("The property does not support this operator", ":", 7, EQUALITY)),
            ("tags = home", ("The property does not support this operator", "=", 6, [":"])),
            ("title ~ x", ("The property does not support this operator", "~", 7, ["=", "!=", "<", "<=", ">", ">="])),
        ],
    )
    def test_an_unsupported_operator_is_reported(self, text: str, expected: tuple[object, ...]) -> None:
        assert facts(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("title =", ("A value is expected", "end of filter", 8, A_TEXT)),
            ("title = = b", ("A value is expected", "=", 9, A_TEXT)),
            ("title = a&b", ("A value with such characters requires quotes", "a&b", 9, A_TEXT)),
            ("title = café", ("A value with such characters requires quotes", "café", 9, A_TEXT)),
            ('title = "a', ("The string is not closed", '"a', 9, A_TEXT)),
            ("title = \"a'", ("The string is not closed", "\"a'", 9, A_TEXT)),
            ('title = "a\\', ("The string is not closed", '"a\\', 9, A_TEXT)),
            ('title = "a\\"', ("The string is not closed", '"a\\"', 9, A_TEXT)),
            ("colour = GREEN", ("Unknown value", "GREEN", 10, COLOURS)),
            ("colour = red", ("Unknown value", "red", 10, COLOURS)),
            ("colour = COLOUR_COLOUR_RED", ("Unknown value", "COLOUR_COLOUR_RED", 10, COLOURS)),
            ("colour = 1", ("Unknown value", "1", 10, COLOURS)),
            ("colour = null", ("null is not allowed here", "null", 10, COLOURS)),
            ("tags:null", ("null is not allowed here", "null", 6, ["a tag"])),
        ],
    )
    def test_an_invalid_value_is_reported_with_the_allowed_ones(self, text: str, expected: tuple[object, ...]) -> None:
        assert facts(text) == expected

    def test_a_backslash_escapes_only_quotes_and_itself(self) -> None:
        error = rejection(r'title = "a\n"')
        assert (error.reason, error.position) == ("A backslash escapes only a quote or a backslash", 11)

    @pytest.mark.parametrize("written", ["2027-01-01T00:00:00Z", '"2027-01-01"', '"infinity"', '"now"', '""'])
    def test_a_timestamp_is_quoted_rfc_3339(self, written: str) -> None:
        error = rejection(f"due_date < {written}")
        assert (error.position, error.token) == (12, written)
        assert error.allowed == ["a quoted timestamp like 2027-01-31T12:00:00Z"]

    @pytest.mark.parametrize(
        "written",
        [
            *("day = 2027-02-30", "day = 2027-1-31", 'day = "2027-01-31T00:00:00Z"', "day = 0000-01-01"),
            *("total = 4.1234567", "total = 1e2", "total = .5", "total = NaN", "total = 07", "total = 5."),
            *("is_paid = 1", "is_paid = True", 'is_paid = "true"', "is_paid < true"),
            *("order_id = 8c1b2c1e", "order_id = {8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33}", "order_id < 8c1b2c1e"),
        ],
    )
    def test_every_other_spelling_is_rejected(self, written: str) -> None:
        assert rejection(written).position != 1

    def test_null_is_listed_for_nullable_members(self) -> None:
        assert rejection("due_date = x").allowed == ["a quoted timestamp like 2027-01-31T12:00:00Z", "null"]
        assert rejection("due_date < null").reason == "null is not allowed here"

    @pytest.mark.parametrize(
        "written", ['"5"', "5.0", "1e2", "1_0", "+1", "01", "-", "5.", "٣", str(2**63), "9" * 4000]
    )
    def test_an_integer_has_one_spelling_and_64_bits(self, written: str) -> None:
        assert rejection(f"run_time = {written}").position == 12

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("title = a OR title = b", ("OR is not supported", "OR", 11, ["AND"])),
            ("title = a and title = b", ("AND is expected", "and", 11, ["AND"])),
            ("title = a title = b", ("AND is expected", "title", 11, ["AND"])),
            ("title = a, title = b", ("AND is expected", ",", 10, ["AND"])),
            ("title = a)", ("Parentheses are not supported", ")", 10, ["AND"])),
            ("title = a ANDtitle = b", ("AND is expected", "ANDtitle", 11, ["AND"])),
            ("NOT title = a", ("NOT is not supported", "NOT", 1, NAMES)),
            ("-title = a", ("NOT is not supported", "-title", 1, NAMES)),
            ("(title = a)", ("Parentheses are not supported", "(", 1, NAMES)),
            ("title = (a)", ("Parentheses are not supported", "(", 9, A_TEXT)),
            ("title = a AND NOT note = b", ("NOT is not supported", "NOT", 15, NAMES)),
        ],
    )
    def test_syntax_of_aip_160_beyond_the_contract_is_rejected_by_name(
        self, text: str, expected: tuple[object, ...]
    ) -> None:
        assert facts(text) == expected

    @pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
    def test_a_control_character_in_a_value_is_reported_with_its_position(self, character: str) -> None:
        error = rejection(f'title = "ab{character}"')
        assert (error.reason, error.position) == ("A control character is not allowed", 12)

    @pytest.mark.parametrize("text", ["\0", "\ud800 = a", "title\0= a", "title = \x1b"])
    def test_quoted_input_is_always_printable(self, text: str) -> None:
        error = rejection(text)
        json.dumps(error.message, ensure_ascii=False).encode()
        assert "\0" not in error.message

    def test_a_long_token_is_cut_to_40_characters(self) -> None:
        assert rejection("x" * 100).token == "x" * 40

    def test_the_message_contains_reason_position_and_allowed_values(self) -> None:
        error = rejection("colour = GREEN")
        assert error.message == (
            "Unknown value at character 10, near 'GREEN'. Allowed: COLOUR_NONE, COLOUR_RED, COLOUR_DARK_BLUE."
        )


class TestLimits:
    def test_20_comparisons_are_accepted_and_the_21st_is_reported(self) -> None:
        twenty = " AND ".join(["run_time = 1"] * 20)
        assert len(parse(twenty)) == 20
        expected = ("Too many comparisons", "title", len(twenty) + 6, ["at most 20 comparisons"])
        assert facts(f"{twenty} AND title = a") == expected

    def test_4096_characters_are_accepted_and_the_4097th_is_reported(self) -> None:
        longest = f'title = "{"x" * 4086}"'
        assert len(parse(longest)) == 1
        assert facts(longest + "  ") == ("The filter is too long", " ", 4097, ["at most 4096 characters"])

    @pytest.mark.parametrize(
        "piece", ["a", '"', "\\", "(", "title = a AND ", "=", " ", "'\\'", "-", "1", "é", "\0", "."]
    )
    @pytest.mark.parametrize("prefix", ["", "title = ", 'title = "', "run_time = ", 'due_date = "'])
    def test_10_kb_of_any_input_take_milliseconds(self, prefix: str, piece: str) -> None:
        for length in (4000, 10_000):
            text = (prefix + piece * length)[:length]
            started = time.process_time()
            with suppress(errs.lists.InvalidFilter):
                parse_filter(text, MEMBERS)
            assert time.process_time() - started < 0.05

    @settings(max_examples=examples(300))
    @given(
        st.lists(st.sampled_from([*NAMES, *EQUALITY, ":", "AND", "OR", '"a"', "RED", "1", "null", "(", "\\", '"', "x"]))
        | st.text(max_size=20)
    )
    def test_any_input_raises_only_invalid_filter_with_a_position_in_the_text(self, pieces: list[str] | str) -> None:
        text = " ".join(pieces)
        try:
            parse_filter(text, MEMBERS)
        except errs.lists.InvalidFilter:
            error = rejection(text)
            assert error.position in range(1, len(text) + 2)
            assert error.allowed
