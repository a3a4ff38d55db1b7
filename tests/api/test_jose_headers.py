"""Unknown header parameters are ignored, except ``crit`` (RFC 7515, section 4)."""

from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from app.models.claim_validation import MALFORMED, WRONG_CLAIMS
from tests.api.audit_hooks import watched
from tests.api.caller import TASKS, Caller, answered
from tests.api.forge import Forge, described
from tests.api.hostile import raw
from tests.api.jose import ABSURD, IGNORED
from tests.api.test_foreign_tokens import OURS, external_caller, other, remote, trusting, with_token
from tests.fakes.remote import Remote

__all__ = ["external_caller", "other", "remote", "trusting"]
MOMENTS: Final = ("exp", "nbf", "iat")
CRITICAL: Final[tuple[Any, ...]] = ([], ["exp"], ["x5t"], ["b64"], ["made-up"], "x5t", None, {}, 1, [1])


class TestIgnored:
    @pytest.mark.parametrize("name", IGNORED)
    def test_an_unknown_parameter_changes_nothing(self, unauthenticated: Caller, forge: Forge, name: str) -> None:
        caller = with_token(unauthenticated, forge.token(head={name: IGNORED[name]}))
        with watched() as seen:
            answered(caller.get(TASKS))
        assert seen == []
        assert caller.task()["created_by"] == "alice"

    @pytest.mark.parametrize("name", IGNORED)
    def test_nor_does_it_in_a_token_of_another_issuer(self, external_caller: Caller, remote: Remote, name: str) -> None:
        external_caller.get(TASKS)
        before = remote.connections
        caller = with_token(external_caller, raw(OURS, OURS.claims(), **{name: IGNORED[name]}))
        with watched() as seen:
            answered(caller.get(TASKS))
        assert (seen, remote.connections) == ([], before)

    def test_all_parameters_together_change_nothing(
        self, unauthenticated: Caller, external_caller: Caller, forge: Forge
    ) -> None:
        answered(with_token(unauthenticated, forge.token(head=dict(IGNORED))).get(TASKS))
        answered(with_token(external_caller, raw(OURS, OURS.claims(), **IGNORED)).get(TASKS))

    def test_a_key_in_the_token_is_not_used(self, external_caller: Caller) -> None:
        """RFC 8725, section 3.10."""
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = RSAAlgorithm.to_jwk(made.public_key(), as_dict=True)
        for head in ({"jwk": {**jwk, "kid": "RS256-1"}}, {"x5c": ["MIIB"]}, {"jku": "data:,"}):
            for kid in ({"kid": "RS256-1"}, {"kid": "mine"}, {}):
                token = jwt.encode(OURS.claims(), made, algorithm="RS256", headers={**head, **kid})
                assert described(external_caller, f"Bearer {token}") == "The signature is not valid"

    def test_a_secret_in_the_token_is_not_used(self, unauthenticated: Caller, forge: Forge) -> None:
        head = {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}
        for secret in (b"\0\0\0", b"AAAA", b""):
            token = forge.sign(head, forge.claims(), secret)
            assert described(unauthenticated, f"Bearer {token}") == "The signature is not valid"


class TestCritical:
    @pytest.mark.parametrize("value", CRITICAL, ids=str)
    def test_every_extension_is_unsupported(
        self, unauthenticated: Caller, external_caller: Caller, forge: Forge, value: Any
    ) -> None:
        """RFC 7515, section 4.1.11: whatever it lists."""
        assert described(unauthenticated, f"Bearer {forge.token(head={'crit': value, 'x5t': 'AAAA'})}") == MALFORMED
        assert described(external_caller, f"Bearer {raw(OURS, OURS.claims(), crit=value)}") == MALFORMED


class TestMoments:
    @pytest.mark.parametrize("claim", MOMENTS)
    @pytest.mark.parametrize("value", ABSURD, ids=lambda value: repr(value)[:20])
    def test_an_invalid_moment_is_401(
        self, unauthenticated: Caller, external_caller: Caller, forge: Forge, claim: str, value: Any
    ) -> None:
        """RFC 7519, section 2: for every issuer."""
        assert described(unauthenticated, f"Bearer {forge.token(**{claim: value})}") == WRONG_CLAIMS
        assert described(external_caller, f"Bearer {raw(OURS, OURS.claims(**{claim: value}))}") == WRONG_CLAIMS

    def test_other_numbers_have_no_effect(self, unauthenticated: Caller, forge: Forge) -> None:
        """Claims that the service does not read as numbers."""
        for name in ("auth_time", "updated_at", "jti", "sid", "made-up"):
            for value in (10**400, float("nan"), -1.5):
                claim: dict[str, Any] = {name: value}
                response = with_token(unauthenticated, forge.token(**claim)).get(TASKS)
                assert response.status_code in {200, 401}, (name, value)
