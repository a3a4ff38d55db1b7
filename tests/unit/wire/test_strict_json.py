"""A body is strict JSON or refused at the byte (1.4, B4 to B9, B11)."""

import json
import time
from math import isinf
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import errs
from app.wire.json_locator import locate
from app.wire.strict_json import loads


def refusal(body: bytes) -> errs.Error:
    with pytest.raises(errs.requests.MalformedJson) as caught:
        loads(body)
    return caught.value


def at(body: bytes) -> object:
    return refusal(body).position


class TestWhatIsAccepted:
    def test_ok(self) -> None:
        body = b' {"task": {"title": "Milk", "tags": ["a", "b"], "n": [1, -2.5e3, true, false, null]}}\r\n\t'
        assert loads(body) == {"task": {"title": "Milk", "tags": ["a", "b"], "n": [1, -2500.0, True, False, None]}}

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"-0", b"1e308", b"1e-400"])
    def test_any_top_level_type_is_json_b11(self, body: bytes) -> None:
        assert loads(body) == json.loads(body)

    @pytest.mark.parametrize("body", ['"😀"'.encode(), b'"\\ud83d\\ude00"', b'"\\uD83D\\uDE00"'])
    def test_a_surrogate_pair_is_one_character_b7(self, body: bytes) -> None:
        assert loads(body) == "😀"

    @pytest.mark.parametrize(
        ("body", "value"),
        [(rb'"\\ud800"', r"\ud800"), (rb'"\\u0000"', r"\u0000"), (rb'"\\\u0041"', "\\A"), (b'"\x7f"', "\x7f")],
    )
    def test_an_escaped_backslash_begins_no_other_escape(self, body: bytes, value: str) -> None:
        assert loads(body) == value

    def test_integers_keep_every_digit_b9(self) -> None:
        assert loads(b"[9223372036854775808, -9223372036854775809]") == [2**63, -(2**63) - 1]
        assert loads(b"1" + b"0" * 308) == 10**308

    def test_the_same_name_in_different_objects_is_no_duplicate(self) -> None:
        assert loads(b'[{"a": {"a": 1}}, {"a": 2}]') == [{"a": {"a": 1}}, {"a": 2}]

    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
    def test_nesting_64_deep_is_within_reason(self, opening: bytes, closing: bytes) -> None:
        assert loads(opening * 64 + b"1" + closing * 64)

    def test_many_containers_side_by_side_are_not_deep(self) -> None:
        assert loads(b"[" + b",".join([b"[{}]"] * 100) + b"]") == [[{}]] * 100


class TestEmptyBody:
    @pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
    def test_nothing_but_white_space_is_an_empty_body_b11(self, body: bytes) -> None:
        with pytest.raises(errs.requests.EmptyBody):
            loads(body)

    @pytest.mark.parametrize("body", [b"\x0b", b"\xc2\xa0"])
    def test_other_blanks_are_not_white_space(self, body: bytes) -> None:
        assert at(body) == 1


class TestPositions:
    def test_the_contract_points_at_the_brace_where_a_value_is_expected(self) -> None:
        error = refusal(b'{"task": {"title": }}')
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
            (b'{"a":1,}', 8, "A member name is expected"),
            (b"{1:2}", 2, "A member name or } is expected"),
            (b"{'a':1}", 2, "A member name or } is expected"),
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
    def test_a_syntax_error_is_found_at_its_byte(self, body: bytes, position: int, reason: str) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, reason)

    @pytest.mark.parametrize(
        "body",
        [b"{", b"[", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b"[1", b'"abc', b'"\\', b'"\\u12', b"tru", b"-", b"1."],
    )
    def test_a_truncated_body_ends_one_past_its_end(self, body: bytes) -> None:
        assert at(body) == len(body) + 1

    @settings(max_examples=50)
    @given(st.data())
    def test_wherever_an_object_is_cut_off_the_position_is_one_past_the_end(self, data: st.DataObject) -> None:
        text = json.dumps({"task": data.draw(VALUES)}, ensure_ascii=False)
        cut = text[: data.draw(st.integers(1, len(text) - 1))].encode()
        assert at(cut) == len(cut) + 1


class TestNumbers:
    @pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
    def test_what_is_not_finite_is_not_json_b4(self, word: bytes) -> None:
        error = refusal(b'{"a": ' + word + b"}")
        assert (error.position, error.reason) == (7, "NaN and Infinity are not allowed")

    @pytest.mark.parametrize(
        "digits", [b"1e400", b"-1e400", b"1E+99999", b"1" + b"0" * 400, b"9" * 309, b"-" + b"7" * 4301]
    )
    def test_numbers_beyond_binary64_are_refused_b4_b9(self, digits: bytes) -> None:
        error = refusal(b"[1, " + digits + b"]")
        assert (error.position, error.reason) == (5, "A number this large is not allowed")


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
    def test_the_second_name_is_pointed_at_b5(self, body: bytes, position: int) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, "A member name is repeated")


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
    def test_half_a_surrogate_pair_is_refused_b7(self, body: bytes, position: int) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, "Half of a surrogate pair is not allowed")

    @pytest.mark.parametrize(
        ("body", "position"),
        [(b'"a\x00"', 3), (b'"a\\u0000"', 3), (b'{"\\u0000": 1}', 3), (b"[\x001]", 2), (b"\x00", 1)],
    )
    def test_a_nul_character_is_refused_b6(self, body: bytes, position: int) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, "A NUL character is not allowed")

    @pytest.mark.parametrize("control", [b"\n", b"\t", b"\x01", b"\x1f"])
    def test_a_raw_control_character_in_a_string_is_refused(self, control: bytes) -> None:
        error = refusal(b'"ab' + control + b'"')
        assert (error.position, error.reason) == (4, "A control character must be escaped")

    @pytest.mark.parametrize(
        ("body", "position"), [(b'"\\x41"', 3), (b'"\\u00g0"', 6), (b'"\\u 123"', 4), (b'"\\\'"', 3)]
    )
    def test_an_escape_that_json_lacks_is_refused(self, body: bytes, position: int) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, "An escape of JSON is expected")

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
    def test_other_than_utf_8_is_refused_b8(self, body: bytes, position: int) -> None:
        error = refusal(body)
        assert (error.position, error.reason) == (position, "Invalid UTF-8")

    @pytest.mark.parametrize(("encoding", "position"), [("utf-16-le", 2), ("utf-16-be", 1), ("utf-32-le", 2)])
    def test_wide_encodings_without_a_mark_show_their_nul_b8(self, encoding: str, position: int) -> None:
        assert at('{"a": 1}'.encode(encoding)) == position

    def test_a_byte_order_mark_is_refused_b8(self) -> None:
        error = refusal(b'\xef\xbb\xbf{"a": 1}')
        assert (error.position, error.reason) == (1, "A byte order mark is not allowed")


class TestNesting:
    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
    @pytest.mark.parametrize("depth", [65, 500, 100_000])
    def test_nesting_deeper_than_64_is_refused_at_the_65th(self, opening: bytes, closing: bytes, depth: int) -> None:
        error = refusal(opening * depth + b"1" + closing * depth)
        assert (error.position, error.reason) == (64 * len(opening) + 1, "Nesting deeper than 64 is not allowed")

    def test_the_deepest_of_many_branches_counts(self) -> None:
        assert at(b"[[], " + b"[" * 64 + b"]" * 65) == 69


class TestTime:
    """B17: what a hostile body costs grows with its length only."""

    @pytest.mark.parametrize(
        "piece", [b"1,", b"[],", b'"a",', b'{"a":1},', b"[" * 9, b"\\u0041", b"\\", b'"', b" ", b"1", b"-", b"tru"]
    )
    @pytest.mark.parametrize("prefix", [b"[", b'"', b'["', b'{"'])
    def test_256_kib_of_anything_are_judged_in_linear_time(self, prefix: bytes, piece: bytes) -> None:
        started = time.process_time()
        refusal(prefix + piece * (2**18 // len(piece)))
        assert time.process_time() - started < 2


def _whole(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise AssertionError(word)


def _reference(body: bytes) -> object:
    """Say what RFC 8259 and RFC 7493 make of a body, slowly and plainly."""
    value = json.loads(body.decode(), object_pairs_hook=_whole, parse_constant=_no_constant)
    _check(value, 0)
    return value


def _check(value: object, depth: int) -> None:
    match value:
        case str():
            value.encode()
            assert "\0" not in value
        case float() | int():
            assert not isinf(float(value))
        case list():
            assert depth < 64
            for item in value:
                _check(item, depth + 1)
        case dict():
            assert depth < 64
            for name, item in value.items():
                _check(name, depth)
                _check(item, depth + 1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
DROPS = st.one_of(
    st.sampled_from([bytes([byte]) for byte in b'"\\{}[],: \0\n09-.en\xff']),
    st.sampled_from([b"", b"NaN", b"true", b"E+9999", b'"a":1,', b"[" * 65, b"]" * 65, b"1" * 310]),
    st.sampled_from([b"\\u0000", b"\\ud800", b"\\udc00", b"\\u0061", b"a", b"\xc3\xa9", b"\xef\xbb\xbf"]),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    body = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans())).encode()
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(DROPS) + body[start + draw(st.integers(0, 2)) :]
    return body


class TestBothPhasesAgree:
    def test_a_refusal_without_a_place_is_a_bug_and_not_the_callers_fault(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.wire.strict_json.locate", lambda _: None)
        with pytest.raises(json.JSONDecodeError):
            loads(b"[1,]")

    @settings(max_examples=1500, deadline=None)
    @given(mutated() | st.binary(max_size=12))
    def test_loads_refuses_exactly_what_the_locator_and_the_reference_refuse(self, body: bytes) -> None:
        try:
            expected = _reference(body)
        except (ValueError, OverflowError, AssertionError):
            with pytest.raises((errs.requests.MalformedJson, errs.requests.EmptyBody)):
                loads(body)
            defect = locate(body)
            assert defect is not None
            assert 1 <= defect.position <= len(body) + 1
        else:
            assert loads(body) == expected
            assert locate(body) is None

    @given(VALUES)
    def test_whatever_json_can_say_comes_back(self, value: object) -> None:
        try:
            _check(value, 0)
        except (OverflowError, AssertionError, UnicodeEncodeError):
            return
        assert loads(json.dumps(value).encode()) == value
