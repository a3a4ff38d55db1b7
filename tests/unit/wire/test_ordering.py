"""Orders are members with a direction; errors have the position of the token (C18)."""

import time
from contextlib import suppress

import pytest

from app import errs
from app.models.query import Ordering
from app.wire.ordering import parse_order_by

MEMBERS = ("title", "due_date", "create_time", "a", "b", "c")
DEFAULT = (Ordering("create_time", descending=True),)
DIRECTIONS = ["asc", "desc", "a comma"]


def facts(text: str) -> tuple[object, ...]:
    with pytest.raises(errs.lists.InvalidOrderBy) as caught:
        parse_order_by(text, MEMBERS, DEFAULT)
    error = caught.value
    assert error.param == "order_by"
    return error.reason, error.token, error.position, error.allowed


class TestParseOrderBy:
    def test_ok(self) -> None:
        assert parse_order_by("due_date desc, title", MEMBERS, DEFAULT) == (
            Ordering("due_date", descending=True),
            Ordering("title"),
        )

    @pytest.mark.parametrize("text", ["", "  "])
    def test_a_blank_order_is_the_default(self, text: str) -> None:
        assert parse_order_by(text, MEMBERS, DEFAULT) is DEFAULT

    @pytest.mark.parametrize("text", ["title", "title asc", " title  asc ", "title\tasc"])
    def test_ascending_is_the_default_direction(self, text: str) -> None:
        assert parse_order_by(text, MEMBERS, DEFAULT) == (Ordering("title"),)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("owner.email", ("Unknown property", "owner.email", 1, [*MEMBERS])),
            ("title, password_hash desc", ("Unknown property", "password_hash", 8, [*MEMBERS[1:]])),
            ("-title", ("Unknown property", "-title", 1, [*MEMBERS])),
            ("title,", ("A property is expected", "end of order_by", 7, [*MEMBERS[1:]])),
            (",title", ("A property is expected", ",", 1, [*MEMBERS])),
            ("title,,a", ("A property is expected", ",", 7, [*MEMBERS[1:]])),
            ("'title'", ("A property is expected", "'title'", 1, [*MEMBERS])),
        ],
    )
    def test_an_unknown_member_is_reported_with_the_allowed_ones(self, text: str, expected: tuple[object, ...]) -> None:
        assert facts(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("title DESC", ("asc, desc or a comma is expected", "DESC", 7, DIRECTIONS)),
            ("title due_date", ("asc, desc or a comma is expected", "due_date", 7, DIRECTIONS)),
            ("title desc asc", ("A comma is expected", "asc", 12, ["a comma"])),
            ("title; a", ("A comma is expected", ";", 6, ["a comma"])),
        ],
    )
    def test_a_direction_is_asc_or_desc_in_lower_case(self, text: str, expected: tuple[object, ...]) -> None:
        assert facts(text) == expected

    def test_a_member_can_occur_once(self) -> None:
        assert facts("title, title desc") == ("A property is listed twice", "title", 8, [*MEMBERS[1:]])

    def test_five_members_are_accepted_and_the_sixth_is_reported(self) -> None:
        five = "title, due_date, create_time, a, b"
        assert len(parse_order_by(five, MEMBERS, DEFAULT)) == 5
        assert facts(f"{five}, c") == ("Too many properties", "c", len(five) + 3, ["at most 5 properties"])

    @pytest.mark.parametrize("piece", ["a", ",", " ", "title,", "\0", "'", "é", "-"])
    def test_100_kb_of_any_input_take_milliseconds(self, piece: str) -> None:
        started = time.process_time()
        with suppress(errs.lists.InvalidOrderBy):
            parse_order_by(piece * 100_000, MEMBERS, DEFAULT)
        assert time.process_time() - started < 0.05
