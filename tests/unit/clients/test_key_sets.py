"""Key sets of identity providers: accepted keys, refresh times and lifetimes."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from app.clients.key_sets import MAX_KEYS, REFRESH_INTERVAL, RETRY_INTERVAL, VALID_FOR, KeySet, parsed
from app.errs.platform import ExternalServiceError, ServiceUnavailable
from tests.fakes.issuer import Issuer
from tests.fakes.monotonic import FakeMonotonic

ISSUER = Issuer()


class Fetch:
    """Returns or raises the given result, and counts calls."""

    def __init__(self) -> None:
        self.says: object = ISSUER.jwks()
        self.times = 0

    def __call__(self) -> object:
        self.times += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def fetch() -> Fetch:
    """Return a key set source that answers."""
    return Fetch()


@pytest.fixture
def monotonic() -> FakeMonotonic:
    """Return a clock."""
    return FakeMonotonic()


@pytest.fixture
def keys(fetch: Fetch, monotonic: FakeMonotonic) -> KeySet:
    """Return a key set that has been fetched."""
    made = KeySet(fetch, monotonic=monotonic)
    made.refresh()
    return made


def accepted(*described: Any) -> set[tuple[str, str]]:
    """Return the accepted keys of a key set."""
    return {*parsed({"keys": [*described]})}


class TestParsed:
    def test_ok(self) -> None:
        assert {*parsed(ISSUER.jwks())} == {("RS256-1", "RS256"), ("ES256-1", "ES256"), ("EdDSA-1", "EdDSA")}

    def test_the_algorithm_defaults_to_that_of_the_key_type(self) -> None:
        assert accepted(ISSUER.jwk("RS256", use=..., alg=..., key_ops=["verify"])) == {("RS256-1", "RS256")}

    @pytest.mark.parametrize(
        "changes",
        [
            *({"alg": each} for each in ("RS512", "PS256", "HS256", "none", "RS256 ", None, ["RS256"])),
            *({"use": each} for each in ("enc", None, 1)),
            *({"kid": each} for each in (..., None, 1, ["a"])),
            *({"kty": each} for each in ("oct", "EC", "rsa", None, 1, ["RSA"])),
            *({"key_ops": each} for each in (["sign"], [], "verify", None)),
            *({"n": each} for each in (..., "", "AQAB", 1, None, "ä")),
            {"e": ...},
            {"d": "AQAB"},
            {"crv": "P-256"},
        ],
        ids=str,
    )
    def test_any_other_key_is_ignored(self, changes: dict[str, Any]) -> None:
        """A key has one algorithm; symmetric keys are ignored."""
        assert accepted(ISSUER.jwk("RS256", **changes)) == set()

    @pytest.mark.parametrize("changes", [{"crv": "P-384"}, {"crv": "P-521"}, {"crv": ...}, {"x": "AAAA"}, {"y": ...}])
    def test_a_key_of_another_curve_is_ignored(self, changes: dict[str, Any]) -> None:
        assert accepted(ISSUER.jwk("ES256", **changes)) == set()
        assert accepted(ISSUER.jwk("EdDSA", **{"crv": "Ed448", **changes})) == set()

    @pytest.mark.parametrize("bits", [1024, 2047])
    def test_a_short_key_is_ignored(self, bits: int) -> None:
        short = RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key())
        assert accepted({**json.loads(short), "kid": "short"}) == set()

    def test_unusable_keys_do_not_affect_the_others(self) -> None:
        rest: list[Any] = [
            None,
            1,
            "x",
            [],
            {},
            {"kty": "oct", "k": "AAAA", "kid": "RS256-1"},
            ISSUER.jwk("ES256", alg="ES384"),
        ]
        assert accepted(*rest, ISSUER.jwk("RS256")) == {("RS256-1", "RS256")}

    def test_one_key_id_for_two_algorithms_is_two_keys(self) -> None:
        both = [ISSUER.jwk(each, kid="same") for each in ("RS256", "ES256")]
        assert accepted(*both) == {("same", "RS256"), ("same", "ES256")}

    def test_the_number_of_keys_is_limited(self) -> None:
        assert len(accepted(*(ISSUER.jwk("EdDSA", kid=f"{number}") for number in range(2 * MAX_KEYS)))) == MAX_KEYS

    @pytest.mark.parametrize("document", ["", [], 1, None, {}, {"keys": 1}, {"keys": None}, {"keys": {"kid": {}}}])
    def test_a_body_that_is_not_a_key_set_is_an_error(self, document: object) -> None:
        with pytest.raises(ExternalServiceError):
            parsed(document)


class TestFind:
    def test_ok(self, keys: KeySet) -> None:
        assert keys.find("RS256-1", "RS256") == ISSUER.keys["RS256"].public_key()

    def test_a_key_is_found_only_for_its_algorithm(self, keys: KeySet) -> None:
        assert [keys.find("RS256-1", each) for each in ("ES256", "EdDSA", "HS256", "RS512", "")] == [None] * 5

    def test_before_the_first_fetch_keys_are_unavailable(self, fetch: Fetch) -> None:
        fetch.says = ExternalServiceError("test")
        keys = KeySet(fetch)
        with pytest.raises(ExternalServiceError):
            keys.refresh()
        with pytest.raises(ServiceUnavailable):
            keys.find("RS256-1", "RS256")

    def test_looking_up_a_key_never_fetches(self, keys: KeySet, fetch: Fetch) -> None:
        """For any key ID."""
        for number in range(1000):
            assert keys.find(f"{number}", "RS256") is None
        assert fetch.times == 1


class TestRefresh:
    def test_keys_are_refreshed_within_a_minute(self, keys: KeySet, fetch: Fetch, monotonic: FakeMonotonic) -> None:
        """A retired key is rejected within 60 s."""
        fetch.says = {"keys": [ISSUER.jwk("ES256")]}
        monotonic.sleep(REFRESH_INTERVAL - 0.1)
        keys.refresh()
        assert keys.find("RS256-1", "RS256")
        monotonic.sleep(0.1)
        keys.refresh()
        assert fetch.times == 2
        assert keys.find("RS256-1", "RS256") is None

    def test_an_unknown_key_id_triggers_one_early_refresh(
        self, keys: KeySet, fetch: Fetch, monotonic: FakeMonotonic
    ) -> None:
        """A new key is known soon. Made-up key IDs trigger a fetch every five seconds at most."""
        for _ in range(100):
            keys.find("invented", "RS256")
            keys.refresh()
            monotonic.sleep(RETRY_INTERVAL / 10)
        assert fetch.times == 1 + 100 // 10 - 1

    def test_a_failed_refresh_is_repeated_soon(self, keys: KeySet, fetch: Fetch, monotonic: FakeMonotonic) -> None:
        fetch.says = ExternalServiceError("test")
        monotonic.sleep(REFRESH_INTERVAL)
        for _ in range(10):
            try:
                keys.refresh()
            except ExternalServiceError:
                keys.find("invented", "RS256")
            monotonic.sleep(RETRY_INTERVAL / 5)
        assert fetch.times == 1 + 2

    @pytest.mark.parametrize("says", [ExternalServiceError("test"), "<html>"])
    def test_keys_stay_valid_for_an_hour_of_failed_refreshes(
        self, keys: KeySet, fetch: Fetch, monotonic: FakeMonotonic, says: object
    ) -> None:
        fetch.says = says
        monotonic.sleep(VALID_FOR - 1)
        with pytest.raises(ExternalServiceError):
            keys.refresh()
        assert keys.find("RS256-1", "RS256")
        monotonic.sleep(1)
        with pytest.raises(ServiceUnavailable):
            keys.find("RS256-1", "RS256")

    def test_an_empty_key_set_has_no_keys(self, keys: KeySet, fetch: Fetch, monotonic: FakeMonotonic) -> None:
        fetch.says = {"keys": []}
        monotonic.sleep(REFRESH_INTERVAL)
        keys.refresh()
        assert keys.find("RS256-1", "RS256") is None
