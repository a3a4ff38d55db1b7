"""Bearer tokens: tokens of the service are verified, all others are rejected with one of a fixed set of reasons."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errs.access import InvalidToken
from app.models import claim_validation as tokens
from app.models.claim_validation import DESCRIPTIONS
from app.resilience.bounded_cache import BoundedCache
from app.resilience.clock import SystemClock
from app.services.revocations import RevocationList
from app.services.tokens import TokenService
from tests.fakes.clock import FakeClock
from tests.fakes.revocations import FakeRevocations

SECRET = "a-secret-of-the-tests-32-bytes-long!"
HOUR = timedelta(hours=1)
NOW = int(SystemClock().now().timestamp())
CLAIMS = {"sub": "alice", "scope": "tasks", "iat": NOW, "exp": NOW + 3600}
SERVICE = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock())
BOUND = TokenService(secret=SECRET, audience="candor", issuer="https://issuer", clock=SystemClock())


def signed(claims: dict[str, Any] | None = None, *, secret: str = SECRET, **header: object) -> str:
    """Return a token with a valid signature, and other claims or header parameters."""
    return jwt.encode({**CLAIMS, **(claims or {})}, secret, algorithm="HS256", headers=header)


def without(claim: str) -> str:
    """Return a token without a claim."""
    claims = {name: value for name, value in CLAIMS.items() if name != claim}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def unsigned(header: str, payload: str = json.dumps(CLAIMS)) -> str:
    """Return a token with any header and payload, and an invalid signature."""
    parts = (base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, payload))
    return ".".join(parts) + ".AAAA"


def reason(token: str, service: TokenService = SERVICE) -> str:
    """Return the reason why a token is rejected."""
    with pytest.raises(InvalidToken) as caught:
        service.verify(token)
    description: str = caught.value.description
    assert description in DESCRIPTIONS
    return description


class TestIssue:
    def test_ok(self) -> None:
        caller = SERVICE.verify(SERVICE.issue("alice", scopes=["tasks", "other:read"], lifetime=HOUR))
        assert (caller.id, caller.scopes) == ("alice", frozenset({"tasks", "other:read"}))

    def test_the_times_of_claims_come_from_the_clock(self) -> None:
        clock = FakeClock()
        token = TokenService(secret=SECRET, audience="a", issuer="i", clock=clock).issue("x", scopes=[], lifetime=HOUR)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["exp"] - claims["iat"], claims["iat"]) == (3600, int(clock.now().timestamp()))
        assert (claims["sub"], claims["scope"], claims["aud"], claims["iss"]) == ("x", "", "a", "i")

    def test_two_tokens_are_never_equal(self) -> None:
        assert len({SERVICE.issue("alice", scopes=[], lifetime=HOUR) for _ in range(3)}) == 3

    @pytest.mark.parametrize("subject", ["", "a" * 256, "a\nb", "\x7f", "\udcff"])
    def test_a_subject_that_could_corrupt_the_log_is_rejected(self, subject: str) -> None:
        with pytest.raises(ValueError, match="a subject has"):
            SERVICE.issue(subject, scopes=[], lifetime=HOUR)

    @pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR])
    def test_a_lifetime_must_be_positive(self, lifetime: timedelta) -> None:
        with pytest.raises(ValueError, match="a lifetime is positive"):
            SERVICE.issue("alice", scopes=[], lifetime=lifetime)


class TestVerify:
    def test_ok(self) -> None:
        assert SERVICE.verify(signed({"scope": "tasks admin"})).is_admin

    def test_a_token_without_scopes_grants_nothing(self) -> None:
        assert SERVICE.verify(without("scope")).scopes == frozenset()

    def test_audience_and_issuer_are_checked_if_configured(self) -> None:
        token = signed({"aud": ["other", "candor"], "iss": "https://issuer"})
        assert BOUND.verify(token).id == "alice"
        assert BOUND.verify(BOUND.issue("bob", scopes=[], lifetime=HOUR)).id == "bob"

    @pytest.mark.parametrize(
        ("token", "expected"),
        [
            (signed({"exp": NOW - 1}), tokens.EXPIRED),
            (signed({"nbf": NOW + 6000}), tokens.TOO_EARLY),
            (signed({"iat": NOW + 6000}), tokens.TOO_EARLY),
            (signed(secret="another-secret-of-at-least-32-bytes!"), tokens.WRONG_SIGNATURE),
            (unsigned('{"alg": "none"}'), tokens.WRONG_SIGNATURE),
            (unsigned('{"alg": "HS512"}'), tokens.WRONG_SIGNATURE),
            (unsigned('{"alg": "RS256"}'), tokens.WRONG_SIGNATURE),
            (without("exp"), tokens.WRONG_CLAIMS),
            (without("iat"), tokens.WRONG_CLAIMS),
            (without("sub"), tokens.WRONG_CLAIMS),
            (signed({"sub": "a\nb"}), tokens.WRONG_CLAIMS),
            (signed({"sub": ""}), tokens.WRONG_CLAIMS),
            (signed({"sub": "\ud800"}), tokens.WRONG_CLAIMS),
            (signed({"scope": ["tasks"]}), tokens.WRONG_CLAIMS),
            (signed({"exp": str(NOW + 3600)}), tokens.WRONG_CLAIMS),
            (signed({"exp": True}), None),
            (signed({"exp": 1e300}), None),
            (signed({"exp": float("inf")}), None),
            (signed({"exp": 10**400}), tokens.WRONG_CLAIMS),
            (signed({"iat": None}), None),
            (signed({"sub": 7}), None),
            (signed({"sub": None}), None),
            (signed(crit=["exp"]), tokens.MALFORMED),
            ("", tokens.MALFORMED),
            ("nonsense", tokens.MALFORMED),
            ("a.b.c", tokens.MALFORMED),
            ("ä.ö.ü", tokens.MALFORMED),
            ("..", tokens.MALFORMED),
            (signed() + "=", tokens.MALFORMED),
            (signed() + ".AAAA", tokens.MALFORMED),
            (signed().rpartition(".")[0] + ".", tokens.MALFORMED),
            (unsigned("[]"), tokens.MALFORMED),
            (unsigned("[" * 2000), tokens.MALFORMED),
            (unsigned('{"alg": "HS256"}', "[1]"), None),
            ("a" * 4097, tokens.MALFORMED),
        ],
    )
    def test_every_other_token_is_rejected_with_its_reason(self, token: str, expected: str | None) -> None:
        said = reason(token)
        assert expected is None or said == expected

    @pytest.mark.parametrize(
        ("claims", "expected"),
        [
            ({"iss": "https://issuer"}, tokens.WRONG_CLAIMS),
            ({"aud": "other", "iss": "https://issuer"}, tokens.WRONG_AUDIENCE),
            ({"aud": "candor"}, tokens.WRONG_CLAIMS),
            ({"aud": "candor", "iss": "https://other"}, tokens.WRONG_ISSUER),
        ],
    )
    def test_a_token_of_another_issuer_or_audience_is_rejected(self, claims: dict[str, Any], expected: str) -> None:
        assert reason(signed(claims), BOUND) == expected

    @pytest.mark.parametrize(
        ("claims", "expected"),
        [
            ({"exp": 1}, None),
            ({"exp": 0.001}, None),
            ({"exp": 0}, tokens.EXPIRED),
            ({"exp": -1}, tokens.EXPIRED),
            ({"iat": 30}, None),
            ({"iat": 30.5}, tokens.TOO_EARLY),
            ({"iat": 31}, tokens.TOO_EARLY),
            ({"nbf": 30}, None),
            ({"nbf": 31}, tokens.TOO_EARLY),
            ({"nbf": 31, "exp": 0}, tokens.EXPIRED),
        ],
        ids=str,
    )
    def test_times_are_compared_in_seconds_with_the_clock_of_the_service(
        self, claims: dict[str, float], expected: str | None
    ) -> None:
        """``nbf`` and ``iat`` have a leeway of 30 seconds, ``exp`` has none."""
        clock = FakeClock()
        now = clock.now().timestamp()
        times = {"iat": now - 60, "exp": now + 60} | {name: now + seconds for name, seconds in claims.items()}
        service = TokenService(secret=SECRET, audience=None, issuer=None, clock=clock)
        if expected is None:
            assert service.verify(signed(times)).id == "alice"
        else:
            assert reason(signed(times), service) == expected

    def test_a_repeated_claim_is_rejected(self) -> None:
        payload = json.dumps(CLAIMS)[:-1] + ', "sub": "root"}'
        assert reason(unsigned('{"alg": "HS256"}', payload)) == tokens.WRONG_SIGNATURE

    @given(
        st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.")
    )
    def test_any_input_is_rejected_without_an_exception(self, token: str) -> None:
        reason(token)

    @given(st.integers(0, 10**6), st.sampled_from("ABCabc019_-."))
    def test_a_changed_character_is_rejected(self, at: int, character: str) -> None:
        token = signed({"jti": "fixed"})
        at %= len(token) - 1  # some bits of the last character are unused
        if token[at] != character:
            reason(token[:at] + character + token[at + 1 :])


class TestKeys:
    """Keys are rotated without logging users out."""

    OLD, NEW = "o" * 32, "n" * 32

    def service(self, **keys: str) -> TokenService:
        """Return a service with these keys."""
        return TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock(), keys=keys)

    def test_the_first_key_signs_and_the_header_names_it(self) -> None:
        token = self.service(new=self.NEW, old=self.OLD).issue("alice", scopes=[], lifetime=HOUR)
        assert jwt.get_unverified_header(token)["kid"] == "new"
        assert jwt.decode(token, self.NEW, algorithms=["HS256"])["sub"] == "alice"

    def test_all_keys_are_accepted_until_they_are_removed(self) -> None:
        token = self.service(old=self.OLD).issue("alice", scopes=[], lifetime=HOUR)
        assert self.service(new=self.NEW, old=self.OLD).verify(token).id == "alice"
        assert reason(token, self.service(new=self.NEW)) == tokens.WRONG_SIGNATURE

    def test_a_token_without_a_key_id_is_verified_with_the_secret_if_it_is_a_key(self) -> None:
        """Removing a leaked secret from the keys retires it."""
        unnamed = SERVICE.issue("alice", scopes=[], lifetime=HOUR)
        assert self.service(new=self.NEW, old=SECRET).verify(unnamed).id == "alice"
        assert reason(unnamed, self.service(new=self.NEW)) == tokens.WRONG_SIGNATURE
        assert jwt.get_unverified_header(SERVICE.issue("alice", scopes=[], lifetime=HOUR)).get("kid") is None

    @pytest.mark.parametrize("kid", ["other", "", "../../dev/null", "https://evil.test/key", "new\0"])
    def test_an_unknown_key_id_is_rejected(self, kid: str) -> None:
        """With any signing key, including the secret."""
        for secret in (SECRET, self.NEW):
            assert reason(signed(secret=secret, kid=kid), self.service(new=self.NEW)) == tokens.WRONG_SIGNATURE

    def test_a_key_verifies_only_tokens_with_its_own_id(self) -> None:
        assert reason(signed(secret=self.OLD, kid="new"), self.service(new=self.NEW, old=self.OLD)) == (
            tokens.WRONG_SIGNATURE
        )


class TestCache:
    """A verified signature is cached; the claims are checked for each request."""

    @pytest.fixture
    def verified(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return the tokens whose signatures are verified."""
        seen: list[str] = []
        verify = jwt.decode

        def counted(token: str, *args: Any, **kwargs: Any) -> Any:
            seen.append(token)
            return verify(token, *args, **kwargs)

        monkeypatch.setattr(jwt, "decode", counted)
        return seen

    def test_a_signature_is_verified_once(self, verified: list[str]) -> None:
        service = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock())
        token = signed()
        assert {service.verify(token) for _ in range(3)} == {service.verify(token)}
        assert verified == [token]

    def test_a_cached_token_expires(self, verified: list[str]) -> None:
        clock = FakeClock()
        service = TokenService(secret=SECRET, audience=None, issuer=None, clock=clock)
        token = service.issue("alice", scopes=[], lifetime=HOUR)
        service.verify(token)
        clock.advance(seconds=3599)
        service.verify(token)
        clock.advance(seconds=1)
        assert reason(token, service) == tokens.EXPIRED
        assert verified == [token]

    def test_a_cached_token_can_be_revoked(self) -> None:
        table = FakeRevocations()
        revoked = RevocationList(table, clock=SystemClock())
        service = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock(), revoked=revoked)
        ids = {"token_id": "an-id"}, {"session_id": "a-session"}
        for one in ids:
            token = service.issue("alice", scopes=[], lifetime=HOUR, **one)
            service.verify(token)
            table.revoke(*one.values())
            revoked.refresh()
            assert reason(token, service) == tokens.REVOKED

    def test_invalid_tokens_are_not_cached_and_valid_ones_for_a_limited_time(self) -> None:
        service = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock())
        for number in range(10):
            reason(signed(secret=f"another-secret-of-at-least-32-bytes-{number}"), service)
        assert len(service._cache) == 0
        service._cache = BoundedCache(3)
        for _ in range(5):
            service.verify(service.issue("alice", scopes=[], lifetime=HOUR))
        assert len(service._cache) == 3
