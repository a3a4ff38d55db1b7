"""The public keys of an issuer (JWK Set, RFC 7517), fetched beside the requests, so that none ever waits for them.

They are asked for so often that a key which its issuer has retired is refused within a minute; sooner, when somebody
has named one that we do not know, however many do. While the issuer does not answer, those it named last are good on,
for an hour.
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
from app.resilience.events import notify

REFRESH_INTERVAL: Final = timedelta(seconds=50).total_seconds()
RETRY_INTERVAL: Final = timedelta(seconds=5).total_seconds()
"""After a failure, or when an unknown key was named."""
VALID_FOR: Final = timedelta(hours=1).total_seconds()
"""As long as an access token may reasonably live: who cannot be asked for longer issues no tokens either."""
MAX_KEYS: Final = 100
"""Keys of a set that are looked at."""
RSA_BITS: Final = range(2048, 8193)
CURVES: Final = {"EC": ("P-256", "ES256"), "OKP": ("Ed25519", "EdDSA"), "RSA": (None, "RS256")}
"""The curve and the algorithm of each type of key that we take."""

Keys = Mapping[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class KeysEvent:
    """The keys can be had, of which there are so many, or cannot be had any more."""

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
        """Make it empty.

        Args:
            fetch: asks the issuer, bounded in time and size.
            hooks: are told when the keys can be had and could not before, or the other way round.
            monotonic: the clock, in seconds.
        """
        self._fetch, self._hooks, self._monotonic = fetch, hooks, monotonic
        self._keys: Keys = {}
        self._valid_until = self._requested_at = float("-inf")
        self._is_wanted = False
        self._has_failed: bool | None = None

    def find(self, kid: str, algorithm: str) -> Any | None:
        """Return the key of this name for this algorithm; when there is none, see whether one comes.

        Raises:
            ServiceUnavailable: the issuer has never named its keys, or not for too long.
        """
        if self._monotonic() >= self._valid_until:
            raise ServiceUnavailable(retry_after=round(RETRY_INTERVAL), reason="the keys of the issuer are not known")
        key = self._keys.get((kid, algorithm))
        self._is_wanted = self._is_wanted or key is None
        return key

    def refresh(self) -> None:
        """Ask for the keys, if it is time.

        Raises:
            Error: the issuer gave no usable answer.
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
    """Return the keys of a set that are for our algorithms; the others are somebody else's affair.

    Raises:
        ExternalServiceError: it is no set of keys.
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
    """Tell whether a key is public, and may verify signatures by this algorithm."""
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
