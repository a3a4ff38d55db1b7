"""The patterns of texts in OpenAPI match the validators."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.models.invisible_characters import is_blank
from app.wire.list_parameters import FieldsParameter
from app.wire.ordering import order_pattern, parse_order_by
from app.wire.validators import Length, Printable

MEMBERS = ("title", "due_date", "tags")
TEXTS = st.text(max_size=5) | st.text(
    "a \t\n\r\x00\x1f\x7f\x85\xa0\xad\u034f\u115f\u2003\u200b\u2028\u202e\u2066\u2800\u3000\ufdd0\ufe0f\ufffe",
    max_size=5,
)


def obeys(value: str, *rules: Printable | Length) -> bool:
    """Return whether every validator accepts a text."""
    try:
        for rule in rules:
            rule(value)
    except ValidationError:
        return False
    return True


def is_beyond_patterns(value: str) -> bool:
    """Return whether a text has noncharacters above U+FFFF or unassigned code points; the patterns ignore these."""
    return any(
        unicodedata.category(character) == "Cn" or (ord(character) > 0xFFFF and is_blank(character))
        for character in value
    )


class TestPrintable:
    @given(TEXTS.filter(lambda text: not is_beyond_patterns(text)))
    @example("a")
    @example(" a ")
    @example("\u3000")
    @example("\u200b")
    def test_a_single_line_text_matches_its_pattern(self, text: str) -> None:
        obeyed = obeys(text, Length(min=1, max=5), Printable())
        assert obeyed == bool(re.fullmatch(Printable.LINE, text))

    @given(TEXTS.filter(lambda text: not is_beyond_patterns(text)))
    @example("a\r\n\tb")
    def test_a_text_matches_its_pattern(self, text: str) -> None:
        assert obeys(text, Printable(multiline=True)) == bool(re.fullmatch(Printable.TEXT, text))

    @pytest.mark.parametrize("hidden", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\U0001ffff")
    def test_bidirectional_controls_in_a_title_are_rejected(self, hidden: str) -> None:
        assert not obeys(f"a{hidden}b", Printable())

    @pytest.mark.parametrize("shown", ["\u200d", "\U0001fae9", "\u0378", "\ue000", "é", "e\u0301", "\u200b"])
    def test_letters_of_new_unicode_versions_are_accepted(self, shown: str) -> None:
        assert obeys(f"a{shown}b", Printable())


class TestOrderPattern:
    PATTERN = order_pattern(MEMBERS)

    @pytest.mark.parametrize(
        "text", ["", " ", "title", " title  desc ,due_date", "tags asc,title desc", "tags,title,due_date"]
    )
    def test_accepted_orders_match(self, text: str) -> None:
        assert re.fullmatch(self.PATTERN, text)
        parse_order_by(text, MEMBERS, ())

    @pytest.mark.parametrize("text", [",", "title,", "title down", "titledesc", "colour", "title title", "Title"])
    def test_rejected_orders_do_not_match(self, text: str) -> None:
        assert not re.fullmatch(self.PATTERN, text)


class TestFieldsPattern:
    PATTERN = str(FieldsParameter(MEMBERS).metadata["pattern"])

    @given(st.lists(st.sampled_from([*MEMBERS, "colour", ""]), min_size=1, max_size=4).map(",".join))
    def test_only_a_list_of_members_matches(self, text: str) -> None:
        try:
            FieldsParameter(MEMBERS).deserialize(text)
        except ValidationError:
            assert not re.fullmatch(self.PATTERN, text)
        else:
            assert re.fullmatch(self.PATTERN, text)
