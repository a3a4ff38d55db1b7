"""Verification of Google access tokens. They are not JWTs: Google's tokeninfo endpoint describes them.

Results are cached.
"""

import hashlib
import math
import re
import threading
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from app.config.issuers import Issuer
from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import RateLimitExceeded, ServiceUnavailable
from app.models.claim_validation import EXPIRED, MALFORMED, SUBJECT, UNKNOWN, WRONG_AUDIENCE, WRONG_CLAIMS
from app.models.google_tokens import TokenDescription
from app.models.roles import scopes_of
from app.request_context import Principal
from app.resilience.bounded_cache import BoundedCache
from app.resilience.bulkhead import Bulkhead
from app.resilience.clock import Clock
from app.resilience.in_memory_rate_limit_store import RateLimitStore

PREFIX: Final = "ya29."
_SPELLING: Final = re.compile(r"ya29\.[A-Za-z0-9._~+/=-]{1,2043}")
VALID_SECONDS: Final = timedelta(minutes=5).total_seconds()
"""How long a valid token is cached. If it expires earlier, only until then."""
INVALID_SECONDS: Final = timedelta(minutes=1).total_seconds()
MAX_LOOKUPS: Final = 30
"""The maximum number of lookups at Google per minute and client address."""
LOOKUP_WINDOW: Final = timedelta(minutes=1)
CACHE_SIZE: Final = 1000
"""The size of the cache of valid tokens, and of that of invalid ones. Invalid tokens never evict valid ones."""
LOCKS: Final = 64


class TokenInfo(Protocol):
    """See ``app.clients.google_tokeninfo``."""

    def describe(self, token: str) -> TokenDescription | None: ...  # noqa: D102


class _ValidToken(NamedTuple):
    principal: Principal
    until: float


class _InvalidToken(NamedTuple):
    description: str
    until: float


class GoogleTokens:
    """Verifies access tokens that Google has issued to the configured client, and returns principals."""

    def __init__(
        self,
        info: TokenInfo,
        issuer: Issuer,
        *,
        client_id: str,
        rate_limits: RateLimitStore,
        bulkhead: Bulkhead,
        clock: Clock,
    ) -> None:
        """Create the service.

        Args:
            info: the client of Google's tokeninfo endpoint.
            issuer: the scopes of Google's subjects.
            client_id: the required audience of tokens.
            rate_limits: the counters of lookups.
            bulkhead: limits concurrent lookups. A slow Google then does not block all threads.
            clock: the clock for the times in tokens.
        """
        self._info, self._issuer, self._client_id = info, issuer, client_id
        self._rate_limits, self._bulkhead, self._clock = rate_limits, bulkhead, clock
        self._valid: BoundedCache[bytes, _ValidToken] = BoundedCache(CACHE_SIZE)
        self._invalid: BoundedCache[bytes, _InvalidToken] = BoundedCache(CACHE_SIZE)
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    @raises()
    def accepts(self, token: str) -> bool:
        """Return whether a token looks like a Google access token."""
        return token.startswith(PREFIX)

    @raises(InvalidToken, ServiceUnavailable, RateLimitExceeded)
    def verify(self, token: str, *, sender: str = "") -> Principal:
        """Return the principal of a token. Concurrent requests with the same token cause one lookup."""
        if not _SPELLING.fullmatch(token):
            raise InvalidToken(description=MALFORMED)
        digest = hashlib.sha256(token.encode()).digest()
        found = self._cached(digest)
        if found is None:
            with self._locks[digest[0] % LOCKS]:
                found = self._cached(digest) or self._look_up(token, digest, sender)
        if isinstance(found, _InvalidToken):
            raise InvalidToken(description=found.description)
        return found.principal

    def _cached(self, digest: bytes) -> _ValidToken | _InvalidToken | None:
        now = self._clock.now().timestamp()
        found = self._valid.get(digest) or self._invalid.get(digest)
        return found if found is not None and now < found.until else None

    def _look_up(self, token: str, digest: bytes, sender: str) -> _ValidToken | _InvalidToken:
        """Look up a token at Google, and cache the result.

        Raises:
            ServiceUnavailable: Google does not respond, or there are too many concurrent lookups.
            RateLimitExceeded: there were too many lookups for this address.
        """
        self._count(sender)
        with self._bulkhead:
            grant = self._info.describe(token)
        now = self._clock.now().timestamp()
        fault = self._fault(grant, now)
        if grant is None or fault:
            invalid = _InvalidToken(fault, now + INVALID_SECONDS)
            self._invalid.put(digest, invalid)
            return invalid
        principal = Principal(self._issuer.name_of(grant.subject), scopes_of(self._issuer.scopes_of(grant.subject)))
        valid = _ValidToken(principal, min(grant.expires, now + VALID_SECONDS))
        self._valid.put(digest, valid)
        return valid

    def _fault(self, grant: TokenDescription | None, now: float) -> str:
        if grant is None:
            return UNKNOWN
        if grant.audience != self._client_id:
            return WRONG_AUDIENCE
        if not SUBJECT.fullmatch(grant.subject):
            return WRONG_CLAIMS
        return "" if now < grant.expires else EXPIRED

    def _count(self, sender: str) -> None:
        seconds = round(LOOKUP_WINDOW.total_seconds())
        window = self._rate_limits.increment(f"google:{sender}", seconds=seconds)
        if window.hits > MAX_LOOKUPS:
            left = min(max(1, math.ceil(window.seconds_left)), seconds)
            raise RateLimitExceeded(limit=MAX_LOOKUPS, window_seconds=seconds, retry_after=left)
