"""JWTs that others have issued, whom our configuration names: verified with their keys, and with no other.

A principal is issuer and subject. What it may do, our configuration says; what the token says of that counts nowhere.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from app.config.issuers import Issuer
from app.context import Principal
from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import ServiceUnavailable
from app.models import claims
from app.models.claims import WRONG_ISSUER, WRONG_SIGNATURE
from app.resilience.clock import Clock

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})
"""All of them with a public and a private key, so that no public key is ever taken for a secret."""
MAX_LENGTH: Final = 8000


class Keys(Protocol):
    """The keys of an issuer; see ``app.clients.key_sets``."""

    def find(self, kid: str, algorithm: str) -> Any | None: ...  # noqa: D102


class TrustedIssuer(NamedTuple):
    """An issuer, and its keys."""

    issuer: Issuer
    keys: Keys


class ExternalTokens:
    """Turns tokens of known issuers into principals. Asks nobody: keys come by themselves."""

    def __init__(self, trusted: Mapping[str, TrustedIssuer], *, clock: Clock) -> None:
        """Make the service.

        Args:
            trusted: the issuers, by what tokens name as ``iss``.
            clock: what tokens are judged by.
        """
        self._trusted, self._clock = trusted, clock

    @raises()
    def accepts(self, token: str) -> bool:
        """Tell whether a token is signed in a way that is not ours."""
        try:
            return claims.header_of(token, longest=MAX_LENGTH).get("alg") in ALGORITHMS
        except (InvalidToken, TypeError):
            return False

    @raises(InvalidToken, ServiceUnavailable)
    def verify(self, token: str, *, sender: str = "") -> Principal:
        """Return who the token speaks for, by the one key of its issuer that it names, and by that key's algorithm."""
        header = claims.header_of(token, longest=MAX_LENGTH)
        named, kid = claims.unverified(token).get("iss"), header.get("kid")
        trusted = self._trusted.get(named) if isinstance(named, str) else None
        if trusted is None:
            raise InvalidToken(description=WRONG_ISSUER)
        issuer, algorithm = trusted.issuer, header["alg"]
        key = trusted.keys.find(kid, algorithm) if isinstance(kid, str) else None
        if key is None:
            raise InvalidToken(description=WRONG_SIGNATURE)
        claimed = claims.verified(
            token,
            key,
            algorithm=algorithm,
            audience=issuer.audience,
            issuer=issuer.url,
            now=self._clock.now().timestamp(),
        )
        return Principal(issuer.name_of(claimed["sub"]), issuer.scopes_of(claimed["sub"]))
