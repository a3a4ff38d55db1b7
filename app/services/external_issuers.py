"""Verification of JWTs from configured external issuers, only with the keys of the token's issuer.

A principal consists of issuer and subject. Its scopes come from the configuration, never from the token.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from app.config.issuers import Issuer
from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import ServiceUnavailable
from app.models import claim_validation
from app.models.claim_validation import WRONG_ISSUER, WRONG_SIGNATURE
from app.models.roles import scopes_of
from app.request_context import Principal
from app.resilience.clock import Clock

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})
"""Asymmetric algorithms only. Otherwise a token could use a public key as a shared secret."""
MAX_LENGTH: Final = 8000


class Keys(Protocol):
    """The keys of an issuer; see ``app.clients.key_sets``."""

    def find(self, kid: str, algorithm: str) -> Any | None: ...  # noqa: D102


class TrustedIssuer(NamedTuple):
    """An issuer and its keys."""

    issuer: Issuer
    keys: Keys


class ExternalTokens:
    """Verifies tokens of known issuers and returns principals. It sends no requests: a poller fetches the keys."""

    def __init__(self, trusted: Mapping[str, TrustedIssuer], *, clock: Clock) -> None:
        """Create the service.

        Args:
            trusted: the issuers, by their ``iss`` claim.
            clock: the clock for the times in tokens.
        """
        self._trusted, self._clock = trusted, clock

    @raises()
    def accepts(self, token: str) -> bool:
        """Return whether a token is signed with an algorithm of external issuers."""
        try:
            return claim_validation.header_of(token, longest=MAX_LENGTH).get("alg") in ALGORITHMS
        except (InvalidToken, TypeError):
            return False

    @raises(InvalidToken, ServiceUnavailable)
    def verify(self, token: str, *, sender: str = "") -> Principal:
        """Return the principal of a token. Only the key that the token names is used, with that key's algorithm."""
        header = claim_validation.header_of(token, longest=MAX_LENGTH)
        named, kid = claim_validation.unverified(token).get("iss"), header.get("kid")
        trusted = self._trusted.get(named) if isinstance(named, str) else None
        if trusted is None:
            raise InvalidToken(description=WRONG_ISSUER)
        issuer, algorithm = trusted.issuer, header["alg"]
        key = trusted.keys.find(kid, algorithm) if isinstance(kid, str) else None
        if key is None:
            raise InvalidToken(description=WRONG_SIGNATURE)
        claimed = claim_validation.verified(
            token,
            key,
            algorithm=algorithm,
            audience=issuer.audience,
            issuer=issuer.url,
            now=self._clock.now().timestamp(),
        )
        return Principal(issuer.name_of(claimed["sub"]), scopes_of(issuer.scopes_of(claimed["sub"])))
