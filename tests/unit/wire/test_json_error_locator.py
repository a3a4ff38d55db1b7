"""The locator finds an error exactly where the fast parser rejects a body."""

import json
from math import isinf
from typing import Final, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import errs
from app.wire import json_error_locator, strict_json
from app.wire.json_error_locator import Defect, Unfinished, locate
from app.wire.strict_json import loads
from tests.costs import machine, peak, spent
from tests.examples import examples


def _whole(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise AssertionError(word)


def _reference(body: bytes) -> object:
    """Parse a body by RFC 8259 and RFC 7493, slowly and simply."""
    value = json.loads(body.decode(), object_pairs_hook=_whole, parse_constant=_no_constant)
    _check(value, 0)
    return value


def _check(value: object, depth: int) -> None:
    match value:
        case str():
            value.encode()
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


PIECES = [
    *(b"1,", b" ", b'"a":1,', b'"\\u0061":1,', b'"b":[],', b"{", b"}", b"[", b"],", b"]", b'"c"', b":", b",", b"1e99,"),
    *(b"1e999,", b"01,", b"9" * 201 + b"e9,", b"9" * 400 + b",", b"NaN,", b"-,", b"null,", b"1.,", b"{" * 40, b'"a":{'),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    body = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans())).encode()
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(DROPS) + body[start + draw(st.integers(0, 2)) :]
    return body


class TestBothPhasesAgree:
    def test_a_rejection_without_a_position_is_a_bug_and_not_a_client_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.wire.strict_json.locate", lambda _: None)
        with pytest.raises(json.JSONDecodeError):
            loads(b"[1,]")

    @pytest.mark.parametrize("is_large", [False, True])
    @settings(max_examples=examples(1000), deadline=None)
    @given(body=mutated() | st.binary(max_size=12))
    def test_loads_the_locator_and_the_reference_reject_the_same_bodies(self, body: bytes, is_large: bool) -> None:
        with pytest.MonkeyPatch.context() as patched:
            if is_large:
                patched.setattr(strict_json, "LARGE", 0)
            self.agree(body)

    @staticmethod
    def agree(body: bytes) -> None:
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

    @settings(max_examples=examples(500), deadline=None)
    @given(mutated() | st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: b"[" + b"".join(parts)))
    def test_skipping_many_bytes_at_once_changes_no_result(self, body: bytes) -> None:
        """The reported error is the one that a search token by token finds."""
        quick = locate(body)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(json_error_locator, "_OF_MANY", frozenset())
            assert locate(body) == quick

    @given(VALUES)
    def test_any_json_value_is_parsed_to_itself(self, value: object) -> None:
        try:
            _check(value, 0)
        except (OverflowError, AssertionError, UnicodeEncodeError):
            return
        assert loads(json.dumps(value).encode()) == value


class TestTruncation:
    @settings(max_examples=examples(50))
    @given(st.data())
    def test_the_position_of_a_truncated_object_is_one_past_its_end(self, data: st.DataObject) -> None:
        text = json.dumps({"task": data.draw(VALUES)}, ensure_ascii=False)
        cut = text[: data.draw(st.integers(1, len(text) - 1))].encode()
        defect = locate(cut)
        assert defect is not None
        assert defect.position == len(cut) + 1


def sought(body: bytes) -> Defect | int | None:
    """Return the error, or an index if the body is too long for a search."""
    try:
        return locate(body)
    except Unfinished as walk:
        return walk.at


SHAPES: Final = {
    "numbers": (b"[", b"1,", b"]"),
    "nested": (b"[", b"[" * 60 + b"]" * 60 + b",", b"]"),
    "empty arrays": (b"[", b"[],", b"]"),
    "objects": (b"[", b'{"a":1},', b'{"a":1,"a":2}]'),
    "mixed": (b"[", b'{"a":[1,{"b":""}]},', b"]"),
    "strings": (b"[", b'"",', b"]"),
    "escaped strings": (b"[", b'"\\u0041",', b'"\\ud800"]'),
    "long escaped string": (b'["', b"\\u0041", b'\\ud800"]'),
    "backslashes": (b'["', b"\\\\", b'\\x"]'),
    "exponents": (b"[", b"1e-400,", b"]"),
    "decimals": (b"[", b"1e5,", b"]"),
    "one long number": (b"[1.", b"1", b"e999]"),
    "one long integer": (b"[", b"9", b",]"),
    "numbers of 300 digits": (b"[", b"9" * 300 + b",", b"]"),
    "blanks before a stray letter": (b"[1", b" ", b"x]"),
    "blanks between values": (b"[", b"1" + b" " * 31 + b",", b"]"),
    "open arrays": (b"[", b"[", b""),
    "quotes": (b"[", b'"', b""),
    "deep at the end": (b"[", b"1,", b"[" * 65 + b"]" * 65 + b"]"),
    "words": (b"[", b"true,", b"]"),
    "stray letters": (b"[", b"tru", b""),
    "minus signs": (b"[", b"-", b""),
    "two bytes a character": (b'["', "é".encode(), b'",]'),
    "four bytes a character": (b'["', "\U0001f600".encode(), b'",]'),
}


def of_size(size: int, head: bytes, piece: bytes, tail: bytes) -> bytes:
    """Return a body of about this size, not larger."""
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


def names(size: int) -> bytes:
    return b"{" + b"".join(b'"%06x":1,' % number for number in range(size // 11)) + b'"000000":1}'


class TestBounds:
    """The cost of a search is limited for any body; a megabyte costs no more than 64 KiB."""

    @pytest.mark.parametrize("shape", [*SHAPES, "names"])
    def test_an_error_in_a_mebibyte_is_searched_in_limited_time_and_memory(self, shape: str) -> None:
        body = names(2**20) if shape == "names" else of_size(2**20, *SHAPES[shape])
        assert sought(body) is not None
        quickest = min(spent(lambda: sought(body)) for _ in range(3))
        assert quickest < 0.030 * machine(), "CPU seconds, scaled to the reference machine"
        assert peak(lambda: sought(body)) < 8_000_000

    @pytest.mark.parametrize("shape", SHAPES)
    def test_an_error_within_the_limits_is_located_exactly(self, shape: str) -> None:
        head, piece, tail = SHAPES[shape]
        body = of_size(700, head, piece, tail)
        assert isinstance(sought(body), Defect)
