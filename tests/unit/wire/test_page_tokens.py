"""Page tokens are encrypted, opaque and bound to their list (C17)."""

import hmac
import json
import pickle
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import errs
from app.models.query import Cursor, Value
from app.wire.page_tokens import PageTokens

TOKENS = PageTokens(b"a secret of the tests")
BOUND_TO = ("tasks", 'title = "a"', "create_time desc", "user-1")
CURSOR = Cursor((datetime(2027, 1, 31, 12, 0, 0, 7, tzinfo=UTC), None, 3, "é", "8c1b2c1e"), 1234)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SEALED = TOKENS.seal(CURSOR, bound_to=BOUND_TO)


def is_rejected(token: str, *bound_to: str) -> bool:
    with pytest.raises(errs.lists.InvalidPageToken) as caught:
        TOKENS.open(token, bound_to=bound_to or BOUND_TO)
    return caught.value.param == "page_token"


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=2)
KEYS = (
    *(st.none(), st.text(max_size=20), st.integers(), st.booleans(), st.dates(), AMOUNTS),
    st.datetimes(timezones=st.just(UTC)),
)


class TestRoundTrip:
    def test_ok(self) -> None:
        assert TOKENS.open(SEALED, bound_to=BOUND_TO) == CURSOR

    @given(st.lists(st.one_of(*KEYS), max_size=6), st.integers(-1, 2**63), st.lists(st.text(max_size=5), max_size=4))
    def test_every_cursor_is_restored_with_the_types_of_its_keys(
        self, keys: list[Value], total_size: int, bound_to: list[str]
    ) -> None:
        cursor = Cursor(tuple(keys), total_size)
        opened = TOKENS.open(TOKENS.seal(cursor, bound_to=bound_to), bound_to=bound_to)
        assert opened == cursor
        assert [type(key) for key in opened.keys] == [type(key) for key in keys]

    def test_a_token_is_short_and_needs_no_escaping_in_a_query(self) -> None:
        cursor = Cursor((datetime(2027, 1, 31, tzinfo=UTC), "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"), 1_000_000)
        token = TOKENS.seal(cursor, bound_to=["x" * 4096])
        assert len(token) < 120
        assert set(token) <= set(ALPHABET)

    def test_a_cursor_that_cannot_be_restored_is_rejected(self) -> None:
        with pytest.raises(ValueError, match="page token of"):
            TOKENS.seal(Cursor(("x" * 4096,), 1), bound_to=BOUND_TO)

    def test_the_same_cursor_gives_the_same_token(self) -> None:
        assert PageTokens(b"a secret of the tests").seal(CURSOR, bound_to=BOUND_TO) == SEALED


class TestBinding:
    @pytest.mark.parametrize(
        "bound_to",
        [
            ("orders", *BOUND_TO[1:]),
            (BOUND_TO[0], "", *BOUND_TO[2:]),
            (*BOUND_TO[:2], "create_time", BOUND_TO[3]),
            (*BOUND_TO[:3], "user-2"),
            BOUND_TO[:3],
            (*BOUND_TO, ""),
            ("".join(BOUND_TO),),
        ],
    )
    def test_a_token_of_another_list_filter_order_or_caller_is_rejected(self, bound_to: tuple[str, ...]) -> None:
        assert is_rejected(SEALED, *bound_to)

    @pytest.mark.parametrize("other", [("ab", "c"), ("a", "bc"), ("a", "b", "c"), ("a,b", "c"), ('a","b', "c")])
    def test_a_binding_has_one_interpretation(self, other: tuple[str, ...]) -> None:
        assert is_rejected(TOKENS.seal(CURSOR, bound_to=("abc",)), *other)

    def test_a_token_of_another_secret_is_rejected(self) -> None:
        assert is_rejected(PageTokens(b"another secret").seal(CURSOR, bound_to=BOUND_TO))

    def test_the_secret_itself_is_not_used_as_the_key(self) -> None:
        payload = b"[1]"
        tag = hmac.digest(b"a secret of the tests", json.dumps([*BOUND_TO]).encode() + b"\n" + payload, "sha256")[:16]
        assert is_rejected(urlsafe_b64encode(tag + payload).rstrip(b"=").decode())

    @pytest.mark.parametrize("version", [1, 2])
    def test_a_token_of_the_release_before_is_valid_and_a_new_one_is_invalid_there(self, version: int) -> None:
        """A token can have fewer keys since version 2, which the release before does not expect."""
        key = hmac.digest(b"a secret of the tests", f"candor page token v{version}".encode(), "sha256")
        payload = b"[1]"
        tag = hmac.digest(key, json.dumps([*BOUND_TO]).encode() + b"\n" + payload, "sha256")[:16]
        token = urlsafe_b64encode(tag + payload).rstrip(b"=").decode()
        assert TOKENS.open(token, bound_to=BOUND_TO) == Cursor((), 1)
        assert (TOKENS.seal(Cursor((), 1), bound_to=BOUND_TO) == token) is (version == 2)

    def test_an_empty_secret_is_rejected(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            PageTokens(b"")


class TestTampering:
    def test_any_other_character_at_any_position_is_rejected(self) -> None:
        for place, letter in enumerate(SEALED):
            for other in ALPHABET:
                if other != letter:
                    assert is_rejected(SEALED[:place] + other + SEALED[place + 1 :])

    @pytest.mark.parametrize("size", range(3))
    def test_set_bits_that_base64_ignores_are_rejected(self, size: int) -> None:
        sealed = TOKENS.seal(Cursor(("x" * size,), 1), bound_to=BOUND_TO)
        for letter in ALPHABET:
            if letter != sealed[-1]:
                assert is_rejected(sealed[:-1] + letter)

    def test_every_truncation_is_rejected(self) -> None:
        for length in range(len(SEALED)):
            assert is_rejected(SEALED[:length])

    @pytest.mark.parametrize("extra", ["=", "==", "A", "AAAA", "\n", " ", "%", ".", "é", "\0", "\ud800"])
    def test_added_characters_are_rejected(self, extra: str) -> None:
        assert is_rejected(SEALED + extra)
        assert is_rejected(extra + SEALED)
        assert is_rejected(SEALED[:10] + extra + SEALED[10:])

    def test_the_other_alphabet_of_base64_is_rejected(self) -> None:
        sealed = next(
            token
            for number in range(1000)
            if "-" in (token := TOKENS.seal(Cursor((number,), 1), bound_to=BOUND_TO)) or "_" in token
        )
        assert is_rejected(sealed.replace("-", "+").replace("_", "/"))

    @pytest.mark.parametrize("payload", [pickle.dumps(CURSOR), b"[" + b"9" * 3000 + b"]", b"[" * 3000, b"{}", b"\xff"])
    def test_a_made_up_payload_is_rejected(self, payload: bytes) -> None:
        assert is_rejected(urlsafe_b64encode(payload).rstrip(b"=").decode())

    @pytest.mark.parametrize("length", [4097, 10_000_000])
    def test_a_long_token_is_rejected_before_it_is_decoded(self, length: int) -> None:
        assert is_rejected("A" * length)

    @given(st.text(max_size=60) | st.text(ALPHABET + "=", max_size=200))
    def test_any_text_raises_only_the_declared_error(self, text: str) -> None:
        assert is_rejected(text)
