"""Strict JSON: any other body is rejected with the position of its first error."""

import json

import pytest

from app import errs
from app.wire.strict_json import loads
from tests.costs import peak, plain, spent


def rejection(body: bytes) -> errs.Error:
    with pytest.raises(errs.requests.MalformedJson) as caught:
        loads(body)
    return caught.value


def at(body: bytes) -> object:
    return rejection(body).position


class TestValidBodies:
    def test_ok(self) -> None:
        body = b' {"task": {"title": "Milk", "tags": ["a", "b"], "n": [1, -2.5e3, true, false, null]}}\r\n\t'
        assert loads(body) == {"task": {"title": "Milk", "tags": ["a", "b"], "n": [1, -2500.0, True, False, None]}}

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"-0", b"1e308", b"1e-400"])
    def test_any_top_level_type_is_accepted(self, body: bytes) -> None:
        assert loads(body) == json.loads(body)

    @pytest.mark.parametrize("body", ['"😀"'.encode(), b'"\\ud83d\\ude00"', b'"\\uD83D\\uDE00"'])
    def test_a_surrogate_pair_is_one_character(self, body: bytes) -> None:
        assert loads(body) == "😀"

    @pytest.mark.parametrize(
        ("body", "value"),
        [
            (b'"a\\u0000"', "a\0"),
            (rb'"\\ud800"', r"\ud800"),
            (rb'"\\u0000"', r"\u0000"),
            (rb'"\\\u0041"', "\\A"),
            (b'"\x7f"', "\x7f"),
        ],
    )
    def test_an_escaped_backslash_starts_no_other_escape(self, body: bytes, value: str) -> None:
        assert loads(body) == value

    def test_integers_keep_every_digit(self) -> None:
        assert loads(b"[9223372036854775808, -9223372036854775809]") == [2**63, -(2**63) - 1]
        assert loads(b"1" + b"0" * 308) == 10**308

    def test_the_same_name_in_different_objects_is_accepted(self) -> None:
        assert loads(b'[{"a": {"a": 1}}, {"a": 2}]') == [{"a": {"a": 1}}, {"a": 2}]

    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
    def test_a_nesting_depth_of_64_is_accepted(self, opening: bytes, closing: bytes) -> None:
        assert loads(opening * 64 + b"1" + closing * 64)

    def test_adjacent_containers_do_not_add_to_the_depth(self) -> None:
        assert loads(b"[" + b",".join([b"[{}]"] * 100) + b"]") == [[{}]] * 100


class TestEmptyBody:
    @pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
    def test_white_space_alone_is_an_empty_body(self, body: bytes) -> None:
        with pytest.raises(errs.requests.EmptyBody):
            loads(body)

    @pytest.mark.parametrize("body", [b"\x0b", b"\xc2\xa0"])
    def test_other_space_characters_are_not_white_space(self, body: bytes) -> None:
        assert at(body) == 1


class TestPositions:
    def test_a_missing_value_is_reported_at_the_brace(self) -> None:
        error = rejection(b'{"task": {"title": }}')
        assert (error.reason, error.position) == ("A value is expected", 20)
        assert error.message == "A value is expected at character 20."

    @pytest.mark.parametrize(
        ("body", "position", "reason"),
        [
            (b'{"a":1}{"b":2}', 8, "The end of the body is expected"),
            (b"1 x", 3, "The end of the body is expected"),
            (b"01", 2, "The end of the body is expected"),
            (b"[1,]", 4, "A value is expected"),
            (b"[,1]", 2, "A value or ] is expected"),
            (b"[1 2]", 4, "A comma or ] is expected"),
            (b"[1}", 3, "A comma or ] is expected"),
            (b'{"a":1,}', 8, "A property name is expected"),
            (b"{1:2}", 2, "A property name or } is expected"),
            (b"{'a':1}", 2, "A property name or } is expected"),
            (b'{"a" 1}', 6, "A colon is expected"),
            (b'{"a" nul', 6, "A colon is expected"),
            (b'{"a":1 "b":2}', 8, "A comma or } is expected"),
            (b"// no", 1, "A value is expected"),
            (b"+1", 1, "A value is expected"),
            (b".5", 1, "A value is expected"),
            (b"True", 1, "A value is expected"),
            (b"nulL", 4, "One of true, false and null is expected"),
            (b"-x", 2, "A digit is expected"),
            (b"[1.]", 4, "A digit is expected"),
            (b"[1e+]", 5, "A digit is expected"),
            (b"0x10", 2, "The end of the body is expected"),
            ('["é", é]'.encode(), 8, "A value is expected"),
        ],
    )
    def test_a_syntax_error_is_reported_at_its_byte(self, body: bytes, position: int, reason: str) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, reason)

    @pytest.mark.parametrize(
        "body",
        [b"{", b"[", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b"[1", b'"abc', b'"\\', b'"\\u12', b"tru", b"-", b"1."],
    )
    def test_a_truncated_body_is_reported_one_past_its_end(self, body: bytes) -> None:
        assert at(body) == len(body) + 1


class TestNumbers:
    @pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
    def test_nan_and_infinity_are_rejected(self, word: bytes) -> None:
        error = rejection(b'{"a": ' + word + b"}")
        assert (error.position, error.reason) == (7, "NaN and Infinity are not allowed")

    @pytest.mark.parametrize(
        "digits", [b"1e400", b"-1e400", b"1E+99999", b"1" + b"0" * 400, b"9" * 309, b"-" + b"7" * 4301]
    )
    def test_numbers_beyond_binary64_are_rejected(self, digits: bytes) -> None:
        error = rejection(b"[1, " + digits + b"]")
        assert (error.position, error.reason) == (5, "The number is too large")


class TestDuplicates:
    @pytest.mark.parametrize(
        ("body", "position"),
        [
            (b'{"a":1,"a":2}', 8),
            (b'{"a":1, "\\u0061":2}', 9),
            (b'{"x":[{"a":1,"b":2,"a":3}]}', 20),
            ('{"é":1,"é":2}'.encode(), 9),
            (b'{"":1,"":2}', 7),
        ],
    )
    def test_the_second_name_is_reported(self, body: bytes, position: int) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, "A property name is repeated")


class TestCharacters:
    @pytest.mark.parametrize(
        ("body", "position"),
        [
            (b'"\\ud800"', 2),
            (b'"\\udfff"', 2),
            (b'"\\ude00\\ud83d"', 2),
            (b'"\\ud83d\\ud83d\\ude00"', 2),
            (b'{"\\uD83D": 1}', 3),
            (b'"ok \\ud83d\\ude00 \\udc00"', 18),
            (b'"\\\\\\ud83d\\\\\\udc00"', 4),
        ],
    )
    def test_an_unpaired_surrogate_is_rejected(self, body: bytes, position: int) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, "A lone surrogate is not allowed")

    @pytest.mark.parametrize(
        ("body", "position"),
        [(b"[\x001]", 2), (b"\x00", 1)],
    )
    def test_a_nul_character_outside_of_strings_is_rejected(self, body: bytes, position: int) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, "A NUL character is not allowed")

    @pytest.mark.parametrize("control", [b"\n", b"\t", b"\x00", b"\x01", b"\x1f"])
    def test_a_raw_control_character_in_a_string_is_rejected(self, control: bytes) -> None:
        error = rejection(b'"ab' + control + b'"')
        assert (error.position, error.reason) == (4, "A control character must be escaped")

    @pytest.mark.parametrize(
        ("body", "position"), [(b'"\\x41"', 3), (b'"\\u00g0"', 6), (b'"\\u 123"', 4), (b'"\\\'"', 3)]
    )
    def test_an_unknown_escape_is_rejected(self, body: bytes, position: int) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, "A JSON escape is expected")

    @pytest.mark.parametrize(
        ("body", "position"),
        [
            (b'"\xff"', 2),
            (b'"\xc0\xaf"', 2),
            (b'"\xed\xa0\x80"', 2),
            (b'"\xf4\x90\x80\x80"', 2),
            ('"é"'.encode()[:-2], 2),
            ('{"a": 1}'.encode("utf-16"), 1),
            ('{"a": 1}'.encode("utf-32"), 1),
        ],
    )
    def test_other_encodings_than_utf_8_are_rejected(self, body: bytes, position: int) -> None:
        error = rejection(body)
        assert (error.position, error.reason) == (position, "Invalid UTF-8")

    @pytest.mark.parametrize(("encoding", "position"), [("utf-16-le", 2), ("utf-16-be", 1), ("utf-32-le", 2)])
    def test_utf_16_and_utf_32_without_a_mark_are_reported_at_their_nul(self, encoding: str, position: int) -> None:
        assert at('{"a": 1}'.encode(encoding)) == position

    def test_a_byte_order_mark_is_rejected(self) -> None:
        error = rejection(b'\xef\xbb\xbf{"a": 1}')
        assert (error.position, error.reason) == (1, "A byte order mark is not allowed")


class TestNesting:
    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
    @pytest.mark.parametrize("depth", [65, 500, 100_000])
    def test_a_nesting_depth_above_64_is_rejected_at_the_65th_level(
        self, opening: bytes, closing: bytes, depth: int
    ) -> None:
        error = rejection(opening * depth + b"1" + closing * depth)
        assert (error.position, error.reason) == (64 * len(opening) + 1, "Nesting deeper than 64 is not allowed")

    @pytest.mark.parametrize(
        ("before", "opening", "end"),
        [
            (b"[" + b"1," * 100_000, b"[", b"1"),
            (b"[" + b"1," * 100_000, b'{"a":', b"1"),
            (b"[" + b'"\\\\[","\\"]]","[",' * 20_000, b"[", b"1"),
            (b"[" + b"1," * 100_000, b"[", b"x"),
        ],
        ids=["arrays", "objects", "behind strings", "and a syntax error inside"],
    )
    def test_nesting_beyond_the_recursion_limit_is_reported_in_a_large_body(
        self, before: bytes, opening: bytes, end: bytes
    ) -> None:
        closing = (b"]" if opening == b"[" else b"}") * 2000
        error = rejection(before + opening * 2000 + end + closing + b"]")
        assert error.reason == "Nesting deeper than 64 is not allowed"
        assert error.message.startswith("Nesting deeper than 64 is not allowed. The error is after character ")

    def test_brackets_in_strings_and_adjacent_containers_are_not_nesting(self) -> None:
        before = b"[" + b'"\\\\[[[","\\"{{",[],{},' * 20_000
        error = rejection(before + b"x]")
        assert (error.reason, error.position) == ("The JSON is invalid", len(before) + 1)

    def test_the_deepest_branch_counts(self) -> None:
        assert at(b"[[], " + b"[" * 64 + b"]" * 65) == 69


class TestLargeBodies:
    """A large body that is not JSON is not decoded; its error is located as exactly as a limited search allows."""

    def test_ok(self) -> None:
        body = b'{"a": [' + b'{"b": "\\u00e9", "c": 1.5}, ' * 10_000 + b"10000000000000000000000]}"
        assert loads(body) == json.loads(body)

    @pytest.mark.parametrize(
        ("piece", "end", "behind", "reason"),
        [
            (b"1,", b",]", 1, "A value is expected"),
            (b'{"a":[1,{"b":""}]},', b'{"a":1,}]', 7, "A property name is expected"),
            (b'{"a":[1,{"b":""}]},', b'{"a":x}]', 5, "A value is expected"),
            (b'{"a":[1,{"b":""}]},', b"[)]", 1, "A value or ] is expected"),
            (b'{"a":[1,{"b":""}]},', b"{)}", 1, "A property name or } is expected"),
            (b'["\xc3\xa9"],', b"1 2]", 2, "The JSON is invalid"),
            (b'["\xc3\xa9"],', b'"\\ud800"]', 1, "The JSON is invalid"),
            (b'["\xc3\xa9"],', b"1e999]", 0, "The JSON is invalid"),
        ],
    )
    def test_a_syntax_error_at_the_end_is_reported_at_its_byte(
        self, piece: bytes, end: bytes, behind: int, reason: str
    ) -> None:
        before = b"[" + (piece * (2**20 // len(piece)) if end != b",]" else b"1," * 524_000 + b"1")
        error = rejection(before + end)
        assert (error.position, error.reason) == (len(before) + behind + 1, reason)
        assert error.message == f"{reason} at character {error.position}."

    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            (b'{"a":1,"a":2}]', "A property name is repeated"),
            (b"[" * 64 + b"]" * 64 + b"]", "Nesting deeper than 64 is not allowed"),
            (b"[" * 900 + b"]" * 900 + b"]", "Nesting deeper than 64 is not allowed"),
        ],
    )
    def test_an_error_beyond_the_search_limit_is_reported_as_after_a_position(self, end: bytes, reason: str) -> None:
        before = b"[" + b'{"a":[1,{"b":""}]},' * 20_000
        error = rejection(before + end)
        assert 1 < int(str(error.position)) <= len(before)
        assert error.reason == reason
        assert error.message == f"{reason}. The error is after character {error.position}."

    def test_an_invalid_body_costs_little_more_than_scanning_it(self) -> None:
        for body in (b"[" + b"1," * 524_000 + b"]", b"[" + (b"[" * 60 + b"]" * 60 + b",") * 8600 + b"]"):
            assert min(spent(lambda: rejection(body)) for _ in range(3)) < 5 * plain(len(body))  # noqa: B023 -- called in this iteration
            assert peak(lambda: rejection(body)) < 16 * len(body)  # noqa: B023 -- as above

    def test_a_valid_body_costs_a_small_multiple_of_loading_it(self) -> None:
        for body in (
            b"[" + b"{}," * 349_000 + b"1]",
            b'["' + b"\\u0041" * 174_000 + b'"]',
            b"[" + b"1e5," * 260_000 + b"1]",
        ):
            assert min(spent(lambda: loads(body)) for _ in range(3)) < 20 * plain(len(body))  # noqa: B023 -- called in this iteration
            assert peak(lambda: loads(body)) < 40 * len(body)  # noqa: B023 -- as above
