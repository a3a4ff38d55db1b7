"""Access tokens of Google's, which are no JWTs: Google is asked what they are, seldom, and believed for a while."""

import hashlib
import math
import re
import threading
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from app.config.issuers import Issuer
from app.context import Principal
from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import RateLimitExceeded, ServiceUnavailable
from app.models.claims import EXPIRED, MALFORMED, NOT_KNOWN, SUBJECT, WRONG_AUDIENCE, WRONG_CLAIMS
from app.models.google import Grant
from app.resilience.bounded_cache import Memory
from app.resilience.bulkhead import Slots
from app.resilience.clock import Clock
from app.resilience.rate_limit_store import RateLimitStore

PREFIX: Final = "ya29."
_SPELLING: Final = re.compile(r"ya29\.[A-Za-z0-9._~+/=-]{1,2043}")
BELIEVED: Final = timedelta(minutes=5).total_seconds()
"""How long a token is believed to be good, if it does not end before."""
DISBELIEVED: Final = timedelta(minutes=1).total_seconds()
LOOKUPS: Final = 30
"""Tokens that Google is asked about in a minute for one address."""
WITHIN: Final = timedelta(minutes=1)
KEPT: Final = 1000
"""Tokens that are remembered as good, and as many as bad: whoever invents bad ones has no good one forgotten."""
TURNS: Final = 64


class TokenInfo(Protocol):
    """See ``app.clients.google``."""

    def ask(self, token: str) -> Grant | None: ...  # noqa: D102


class _Good(NamedTuple):
    principal: Principal
    until: float


class _Bad(NamedTuple):
    description: str
    until: float


class GoogleTokens:
    """Turns access tokens that Google has issued to our client into principals."""

    def __init__(
        self, info: TokenInfo, issuer: Issuer, *, client_id: str, windows: RateLimitStore, slots: Slots, clock: Clock
    ) -> None:
        """Make the service.

        Args:
            info: asks Google.
            issuer: what Google's subjects may do.
            client_id: whom tokens have to be for.
            windows: where lookups are counted.
            slots: where they are at work, so that Google can be slow without everybody waiting.
            clock: what tokens are judged by.
        """
        self._info, self._issuer, self._client_id = info, issuer, client_id
        self._windows, self._slots, self._clock = windows, slots, clock
        self._good: Memory[bytes, _Good] = Memory(KEPT)
        self._bad: Memory[bytes, _Bad] = Memory(KEPT)
        self._turns = [threading.Lock() for _ in range(TURNS)]

    @raises()
    def knows(self, token: str) -> bool:
        """Tell whether a token looks like Google's."""
        return token.startswith(PREFIX)

    @raises(InvalidToken, ServiceUnavailable, RateLimitExceeded)
    def verify(self, token: str, *, sender: str = "") -> Principal:
        """Return who the token speaks for; Google is asked once, however many come with it at the same time."""
        if not _SPELLING.fullmatch(token):
            raise InvalidToken(description=MALFORMED)
        digest = hashlib.sha256(token.encode()).digest()
        found = self._remembered(digest)
        if found is None:
            with self._turns[digest[0] % TURNS]:
                found = self._remembered(digest) or self._look_up(token, digest, sender)
        if isinstance(found, _Bad):
            raise InvalidToken(description=found.description)
        return found.principal

    def _remembered(self, digest: bytes) -> _Good | _Bad | None:
        now = self._clock.now().timestamp()
        found = self._good.get(digest) or self._bad.get(digest)
        return found if found is not None and now < found.until else None

    def _look_up(self, token: str, digest: bytes, sender: str) -> _Good | _Bad:
        """Ask Google, and remember what it says.

        Raises:
            ServiceUnavailable: it says nothing, or too many ask it.
            RateLimitExceeded: it has been asked too often for this address.
        """
        self._count(sender)
        with self._slots:
            grant = self._info.ask(token)
        now = self._clock.now().timestamp()
        fault = self._fault(grant, now)
        if grant is None or fault:
            bad = _Bad(fault, now + DISBELIEVED)
            self._bad.learn(digest, bad)
            return bad
        principal = Principal(self._issuer.name_of(grant.subject), self._issuer.scopes_of(grant.subject))
        good = _Good(principal, min(grant.expires, now + BELIEVED))
        self._good.learn(digest, good)
        return good

    def _fault(self, grant: Grant | None, now: float) -> str:
        if grant is None:
            return NOT_KNOWN
        if grant.audience != self._client_id:
            return WRONG_AUDIENCE
        if not SUBJECT.fullmatch(grant.subject):
            return WRONG_CLAIMS
        return "" if now < grant.expires else EXPIRED

    def _count(self, sender: str) -> None:
        seconds = round(WITHIN.total_seconds())
        window = self._windows.hit(f"google:{sender}", seconds=seconds)
        if window.hits > LOOKUPS:
            left = min(max(1, math.ceil(window.left)), seconds)
            raise RateLimitExceeded(limit=LOOKUPS, window_seconds=seconds, retry_after=left)
