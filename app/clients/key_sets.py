"""The public keys of an issuer (JWK Set, RFC 7517). A poller fetches them, therefore no request waits for them.

The poller fetches them often enough to reject a retired key within a minute. It fetches them earlier after a token with
an unknown key, at most every 5 seconds. While the issuer does not respond, its last keys stay valid for an hour.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.errs import Error
from app.errs.platform import ExternalServiceError, ServiceUnavailable
from app.resilience.event_dispatch import notify

REFRESH_INTERVAL: Final = timedelta(seconds=50).total_seconds()
RETRY_INTERVAL: Final = timedelta(seconds=5).total_seconds()
"""The interval after a failure, or after a token with an unknown key."""
VALID_FOR: Final = timedelta(hours=1).total_seconds()
"""A reasonable maximum lifetime of access tokens. An issuer that is down for longer does not issue tokens either."""
MAX_KEYS: Final = 100
"""The maximum number of keys of a set that are read."""
RSA_BITS: Final = range(2048, 8193)
CURVES: Final = {"EC": ("P-256", "ES256"), "OKP": ("Ed25519", "EdDSA"), "RSA": (None, "RS256")}
"""The curve and the algorithm of each accepted key type."""

Keys = Mapping[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class KeysEvent:
    """The event that the keys are available (``count`` of them), or are no longer available (``error``)."""

    count: int
    error: Exception | None = None


class KeySet:
    """The keys of one issuer, by id and algorithm."""

    def __init__(
        self,
        fetch: Callable[[], object],
        *,
        hooks: tuple[Callable[[KeysEvent], None], ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty set.

        Args:
            fetch: fetches the keys from the issuer, with limits of time and size.
            hooks: called when the keys become available or unavailable.
            monotonic: the clock, in seconds.
        """
        self._fetch, self._hooks, self._monotonic = fetch, hooks, monotonic
        self._keys: Keys = {}
        self._valid_until = self._requested_at = float("-inf")
        self._is_wanted = False
        self._has_failed: bool | None = None

    def find(self, kid: str, algorithm: str) -> Any | None:
        """Return the key with this ID for this algorithm. If there is none, request an earlier refresh.

        Raises:
            ServiceUnavailable: the keys were never fetched, or not for too long.
        """
        if self._monotonic() >= self._valid_until:
            reason = "the keys of the issuer are not known"
            raise ServiceUnavailable(retry_after=round(RETRY_INTERVAL), reason=reason, is_local=True)
        key = self._keys.get((kid, algorithm))
        self._is_wanted = self._is_wanted or key is None
        return key

    def refresh(self) -> None:
        """Fetch the keys if a refresh is due.

        Raises:
            Error: the issuer returned no usable response.
        """
        now = self._monotonic()
        if now < self._requested_at + (RETRY_INTERVAL if self._is_wanted or self._has_failed else REFRESH_INTERVAL):
            return
        self._requested_at, self._is_wanted = now, False
        try:
            self._keys = parsed(self._fetch())
        except Error as error:
            self._report(has_failed=True, event=KeysEvent(0, error))
            raise
        self._valid_until = now + VALID_FOR
        self._report(has_failed=False, event=KeysEvent(len(self._keys)))

    def _report(self, *, has_failed: bool, event: KeysEvent) -> None:
        if has_failed is not self._has_failed:
            self._has_failed = has_failed
            notify(self._hooks, event)


def parsed(document: object) -> Keys:
    """Return the keys of a JWK Set that the accepted algorithms use. Other keys are ignored.

    Raises:
        ExternalServiceError: it is not a JWK Set.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ExternalServiceError("keys.parse")
    found: dict[tuple[str, str], Any] = {}
    for each in (each for each in listed[:MAX_KEYS] if isinstance(each, dict)):
        curve, algorithm = CURVES.get(str(each.get("kty")), (None, ""))
        if algorithm and isinstance(each.get("kid"), str) and _is_for(each, algorithm, curve):
            key = _key(each, algorithm)
            if key is not None:
                found.setdefault((each["kid"], algorithm), key)
    return found


def _is_for(described: Mapping[str, Any], algorithm: str, curve: str | None) -> bool:
    """Return whether a key is public and may verify signatures of this algorithm."""
    operations = described.get("key_ops", ["verify"])
    return (
        described.get("alg", algorithm) == algorithm
        and described.get("use", "sig") == "sig"
        and described.get("crv") == curve
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in described
    )


def _key(described: dict[str, Any], algorithm: str) -> Any | None:
    try:
        key = jwt.PyJWK(described, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return None if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS else key
