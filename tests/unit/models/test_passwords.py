"""Password hashes: each verification takes exactly one computation."""

import pytest
from argon2 import PasswordHasher

from app.models.common_passwords import Acceptable
from app.models.passwords import MAX_LENGTH, Argon2Passwords

PASSWORDS = Argon2Passwords()
KEPT = PASSWORDS.hash(Acceptable("correct horse"))


class TestHash:
    def test_the_parameters_are_those_of_owasp(self) -> None:
        assert KEPT.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    def test_two_hashes_of_one_password_differ(self) -> None:
        assert PASSWORDS.hash(Acceptable("correct horse")) != KEPT


class TestVerify:
    def test_ok(self) -> None:
        assert PASSWORDS.verify(KEPT, "correct horse")

    @pytest.mark.parametrize("password", ["Correct horse", "", "correc", "x" * 129, "correct horse" + " " * MAX_LENGTH])
    def test_wrong(self, password: str) -> None:
        assert not PASSWORDS.verify(KEPT, password)

    @pytest.mark.parametrize("password", ["correct horse", "", "x" * 1_000_000])
    def test_without_a_hash_every_password_is_wrong(self, password: str) -> None:
        assert not PASSWORDS.verify(None, password)

    def test_the_empty_password_does_not_match_the_decoy_hash(self) -> None:
        assert not Argon2Passwords().verify(None, "")

    @pytest.mark.parametrize("kept", [KEPT, None], ids=["kept", "no user"])
    @pytest.mark.parametrize("password", ["correct horse", "wrong horse", "", "x" * 1_000_000])
    def test_a_verification_takes_one_computation_of_the_same_cost(
        self, monkeypatch: pytest.MonkeyPatch, kept: str | None, password: str
    ) -> None:
        """With or without a stored hash. A password that is too long is not hashed."""
        seen: list[tuple[str, int]] = []
        verify = PasswordHasher.verify

        def counted(self: PasswordHasher, against: str, said: str) -> object:
            seen.append((against.rpartition("p=1$")[0], len(said)))
            return verify(self, against, said)

        monkeypatch.setattr(PasswordHasher, "verify", counted)
        PASSWORDS.verify(kept, password)
        ((parameters, size),) = seen
        assert parameters == "$argon2id$v=19$m=19456,t=2,"
        assert size <= MAX_LENGTH
