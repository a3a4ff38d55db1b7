"""Common passwords, and passwords that only look like one."""

import pytest

from app.errs.requests import ValidationFailed
from app.models.common_passwords import DERIVED, LISTED, REPEATED, PasswordRules, reason
from app.models.passwords import MAX_LENGTH, MIN_LENGTH

RULES = PasswordRules(own=("candor", "api.example.com"))
ABOUT = ("Zoë O'Brien-Núñez", "zoe.brien@mail.example.org")


class TestReason:
    @pytest.mark.parametrize(
        "password",
        [
            "password",
            "PASSWORD",
            "  password  ",
            "\uff50assword",  # full width, the same by NFKC
            "Password1!",
            "!!iloveyou",
            "p@ssw0rd",
            "football2026",
            "passwordpassword",
            "dragondragondragon",
            "letmein1",
            "trustno1",
        ],
    )
    def test_listed_passwords(self, password: str) -> None:
        assert reason(password) == LISTED

    @pytest.mark.parametrize(
        "password",
        [
            "12345678",
            "87654321",
            "0123456789",
            "abcdefgh",
            "1234abcd",
            "aaaaaaaa",
            "aaaa1111",
            "abababab",
            "a1!a1!a1!",
            " " * MIN_LENGTH,
            "\u3000" * MIN_LENGTH,
            "x" * MAX_LENGTH,
            "qwertyuiop",
            "poiuytrewq",
            "asdfghjkl",
            "qwertz123",
            "абвгдежз",
            "йцукенгш",
            "абабабаб",
        ],
    )
    def test_repeated_characters_and_patterns(self, password: str) -> None:
        assert reason(password) == REPEATED

    @pytest.mark.parametrize(
        "password",
        [
            "correct horse",
            "correct horse battery staple",
            "battery staple",
            "another one",
            "zcv8!q2w",
            "пароль для неё",
            "football in the park",
            "passwords are a nuisance",
            "12 monkeys, 8 dwarfs",
            "abc def ghj kml",
            "123456789\nqwerty",  # two lines of the list
        ],
    )
    def test_other_passwords_have_no_reason(self, password: str) -> None:
        assert reason(password) is None


class TestAccept:
    def test_ok(self) -> None:
        assert RULES.accept("correct horse", about=ABOUT) == "correct horse"

    @pytest.mark.parametrize(
        "password",
        [
            "zoe.brien@mail.example.org",
            "ZOE.BRIEN@MAIL.EXAMPLE.ORG",
            "zoe.brien",
            "zoebrien1",
            "brien2026",
            "1-brien-2",
            "mail.example",
            "Zoë O'Brien-Núñez",
            "zoëobriennúñez!!",
            "núñez123",
            "candor123",
            "Candor2026!",
            "api.example.com",
            "example1",
        ],
    )
    def test_a_password_made_of_known_names_is_rejected(self, password: str) -> None:
        with pytest.raises(ValidationFailed) as caught:
            RULES.accept(password, about=ABOUT)
        (violation,) = caught.value.violations
        assert (violation.field, violation.code, violation.message) == ("password", "TOO_COMMON", f"password {DERIVED}")

    @pytest.mark.parametrize(
        "password", ["zoe and brien eat lemons", "my candour is well known", "!?!,.;:-_#", "bri8n_zoe"]
    )
    def test_a_known_name_inside_a_longer_password_is_accepted(self, password: str) -> None:
        assert RULES.accept(password, about=ABOUT) == password

    @pytest.mark.parametrize("about", [(), ("", None), ("Li", "l@b.co")])
    def test_short_names_and_missing_names_exclude_nothing(self, about: tuple[str | None, ...]) -> None:
        assert RULES.accept("lily of the valley", about=about) == "lily of the valley"

    def test_a_listed_password_is_rejected_with_that_reason(self) -> None:
        with pytest.raises(ValidationFailed) as caught:
            RULES.accept("password", about=())
        assert LISTED in caught.value.violations[0].message
