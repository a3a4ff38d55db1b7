"""Bearer tokens: HS256 JWTs (RFC 7519) of our own, issued and verified."""

import math
import re
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import jwt

from app.context import Principal
from app.errs import raises
from app.errs.access import InvalidToken
from app.models.characters import CONTROLS
from app.models.sessions import TokenIdentity
from app.resilience.clock import Clock

ALGORITHM: Final = "HS256"
HEADER: Final = frozenset({"alg", "typ", "kid"})
"""Header parameters that are understood: none that leads elsewhere (jku, x5u, jwk) or changes the rules (crit)."""
LONGEST: Final = 4096
_SPELLING: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
"""Three parts in base64url without padding (RFC 7515, section 7.1), so that a token has one spelling only."""
SUBJECT: Final = re.compile(rf"[^{CONTROLS}\ud800-\udfff]{{1,255}}")
DAY: Final = 86400
LATEST: Final = 253402300799
"""The last second of the year 9999."""

MALFORMED: Final = "The token is malformed"
EXPIRED: Final = "The token has expired"
TOO_EARLY: Final = "The token is not valid yet"
WRONG_SIGNATURE: Final = "The signature is not valid"
WRONG_AUDIENCE: Final = "The token is meant for another audience"
WRONG_ISSUER: Final = "The token comes from another issuer"
REVOKED: Final = "The token has been revoked"
WRONG_CLAIMS: Final = "A required claim is missing or malformed"
DESCRIPTIONS: Final = (
    MALFORMED,
    EXPIRED,
    TOO_EARLY,
    WRONG_SIGNATURE,
    WRONG_AUDIENCE,
    WRONG_ISSUER,
    WRONG_CLAIMS,
    REVOKED,
)

LEEWAY: Final = 10
"""Seconds by which the clock that wrote ``nbf`` and ``iat`` may be ahead of ours; ``exp`` is exact."""

_REASONS: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.InvalidSignatureError: WRONG_SIGNATURE,
    jwt.InvalidAlgorithmError: WRONG_SIGNATURE,
    jwt.InvalidAudienceError: WRONG_AUDIENCE,
    jwt.InvalidIssuerError: WRONG_ISSUER,
    jwt.MissingRequiredClaimError: WRONG_CLAIMS,
}


class RevokedTokens(Protocol):
    """See ``app.repositories.sessions``."""

    def all(self) -> frozenset[str]: ...  # noqa: D102


class TokenService:
    """Issues tokens, and turns them into principals."""

    def __init__(
        self,
        *,
        secret: str,
        audience: str | None,
        issuer: str | None,
        clock: Clock,
        keys: Mapping[str, str] | None = None,
        revoked: RevokedTokens | None = None,
    ) -> None:
        """Make the service.

        Args:
            secret: the key of tokens that name none.
            audience: what ``aud`` has to name, if anything.
            issuer: what ``iss`` has to be, if anything.
            clock: what tokens are judged by.
            keys: the keys that tokens name, by ``kid``; with the first of them, tokens are signed.
            revoked: tells which tokens are good no more.
        """
        self._keys: dict[str | None, str] = {None: secret}
        self._keys.update((keys or {}).items())
        self._kid = next(iter(keys or {}), None)
        self._revoked: RevokedTokens | None = revoked
        self._ids: Collection[str] = frozenset()
        self._audience = audience
        self._issuer = issuer
        self._clock = clock

    @raises()
    def issue(self, subject: str, *, scopes: Collection[str], lifetime: timedelta, token_id: str | None = None) -> str:
        """Return a signed token, with an id of its own unless one is given.

        Raises:
            ValueError: the subject is empty, too long or has control characters, or the lifetime is not positive.
        """
        if not SUBJECT.fullmatch(subject):
            raise ValueError("a subject has 1 to 255 characters and no control characters")
        if lifetime <= timedelta(0):
            raise ValueError("a lifetime is positive")
        now = self._clock.now()
        claims: dict[str, Any] = {
            "sub": subject,
            "scope": " ".join(sorted(scopes)),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": token_id or secrets.token_hex(8),
        }
        if self._audience:
            claims["aud"] = self._audience
        if self._issuer:
            claims["iss"] = self._issuer
        headers = {"kid": self._kid} if self._kid else None
        return jwt.encode(claims, self._keys[self._kid], algorithm=ALGORITHM, headers=headers)

    @raises(InvalidToken)
    def verify(self, token: str) -> Principal:
        """Return who the token speaks for; the algorithm is pinned, and ``exp``, ``iat`` and ``sub`` are required."""
        claims = self._verified(token)
        if str(claims.get("jti")) in self._ids:
            raise InvalidToken(description=REVOKED)
        return _principal(claims)

    @raises()
    def identify(self, token: str) -> TokenIdentity | None:
        """Return which token it is; ``None`` of one that is not valid anyhow."""
        try:
            claims = self._verified(token)
        except InvalidToken:
            return None
        identity = claims.get("jti")
        if not isinstance(identity, str) or not SUBJECT.fullmatch(identity):
            return None
        return TokenIdentity(identity, datetime.fromtimestamp(min(claims["exp"], LATEST - DAY), UTC))

    @raises()
    def refresh_revoked(self) -> None:
        """Learn which tokens have been revoked, by whichever worker of whichever instance."""
        if self._revoked is not None:
            self._ids = self._revoked.all()

    def _verified(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that is valid, unless it has been revoked.

        Raises:
            InvalidToken: it is not.
        """
        if len(token) > LONGEST or not _SPELLING.fullmatch(token):
            raise InvalidToken(description=MALFORMED)
        try:
            decoded = jwt.decode_complete(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "require": ["exp", "iat", "sub"],
                    "verify_aud": self._audience is not None,
                    "verify_exp": False,  # times are judged below, by our clock
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as exc:
            reason = next((said for kind, said in _REASONS.items() if isinstance(exc, kind)), MALFORMED)
            raise InvalidToken(description=reason) from exc
        if not decoded["header"].keys() <= HEADER:
            raise InvalidToken(description=MALFORMED)
        claims: dict[str, Any] = decoded["payload"]
        _check_types(claims)
        _check_times(claims, now=self._clock.now().timestamp())
        return claims

    def _key_of(self, token: str) -> str:
        """Return the key that the token names: one of ours, for a name leads nowhere else.

        Raises:
            InvalidToken: we have no such key, or no longer.
        """
        key = self._keys.get(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise InvalidToken(description=WRONG_SIGNATURE)
        return key


def _check_times(claims: Mapping[str, Any], *, now: float) -> None:
    """Let pass what is valid now (RFC 7519, sections 4.1.4 to 4.1.6).

    Raises:
        InvalidToken: the token has ended, or not begun.
    """
    if claims["exp"] <= now:
        raise InvalidToken(description=EXPIRED)
    if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
        raise InvalidToken(description=TOO_EARLY)


def _principal(claims: Mapping[str, Any]) -> Principal:
    """Return the principal of verified claims."""
    return Principal(claims["sub"], frozenset(claims.get("scope", "").split()))


def _check_types(claims: Mapping[str, Any]) -> None:
    """Let pass claims that are what they should be.

    Raises:
        InvalidToken: a claim is not of its type.
    """
    subject, scope = claims["sub"], claims.get("scope", "")
    times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    if not (isinstance(subject, str) and SUBJECT.fullmatch(subject) and isinstance(scope, str)):
        raise InvalidToken(description=WRONG_CLAIMS)
    if not all(type(at) in {int, float} and math.isfinite(at) and 0 <= at <= LATEST for at in times):
        raise InvalidToken(description=WRONG_CLAIMS)
