"""Validation of the header and claims of a JWT (RFC 7519), for every issuer."""

import re
from collections.abc import Mapping
from typing import Any, Final

import jwt

from app.errs.access import InvalidToken
from app.models.invisible_characters import CONTROLS

CRITICAL: Final = "crit"
"""The header parameter that lists critical extensions (RFC 7515, section 4.1.11). The service supports none of them.

The service reads the parameters ``alg``, ``typ`` and ``kid``. It ignores all others (section 4), including keys and
URLs of keys (``jwk``, ``jku``, ``x5c``, ``x5u``). It verifies a token only with a configured key.
"""
TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""The types of access tokens (RFC 9068, section 2.1), in lower case. Issuers sign other JWTs with the same keys."""
_SPELLING: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
"""Three parts in base64url without padding (RFC 7515, section 7.1). A token therefore has only one encoding."""
SUBJECT: Final = re.compile(rf"[^{CONTROLS}\ud800-\udfff]{{1,255}}")
LATEST: Final = 253402300799
"""The last second of the year 9999."""
LEEWAY: Final = 30
"""Seconds by which the issuer's clock may be ahead of this one, for ``nbf`` and ``iat``.

``exp`` has no leeway: a revoked token is forgotten when it expires.
"""

MALFORMED: Final = "The token is malformed"
EXPIRED: Final = "The token has expired"
TOO_EARLY: Final = "The token is not valid yet"
WRONG_SIGNATURE: Final = "The signature is not valid"
WRONG_AUDIENCE: Final = "The token is meant for another audience"
WRONG_ISSUER: Final = "The token comes from another issuer"
REVOKED: Final = "The token has been revoked"
UNKNOWN: Final = "The token is not known to its issuer"
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
    UNKNOWN,
)

_REASONS: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.InvalidSignatureError: WRONG_SIGNATURE,
    jwt.InvalidAlgorithmError: WRONG_SIGNATURE,
    jwt.InvalidAudienceError: WRONG_AUDIENCE,
    jwt.InvalidIssuerError: WRONG_ISSUER,
    jwt.MissingRequiredClaimError: WRONG_CLAIMS,
}
_FAULTS: Final = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def header_of(token: str, *, longest: int) -> dict[str, Any]:
    """Return the header of a token, unverified.

    Raises:
        InvalidToken: it is not a token, or its header has ``crit`` or another type of JWT.
    """
    if len(token) > longest or not _SPELLING.fullmatch(token):
        raise InvalidToken(description=MALFORMED)
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except _FAULTS as exc:
        raise InvalidToken(description=MALFORMED) from exc
    named = header.get("typ", "JWT")
    if CRITICAL in header or not isinstance(named, str) or named.lower() not in TYPES:
        raise InvalidToken(description=MALFORMED)
    return header


def unverified(token: str) -> dict[str, Any]:
    """Return the claims of a token without verification. They are not trustworthy yet.

    Raises:
        InvalidToken: the claims cannot be decoded.
    """
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except _FAULTS as exc:
        raise InvalidToken(description=MALFORMED) from exc
    return claims


def verified(
    token: str, key: Any, *, algorithm: str, audience: str | None, issuer: str | None, now: float
) -> dict[str, Any]:
    """Return the claims of a token that is valid now and is signed with this key, by this algorithm only.

    Raises:
        InvalidToken: the signature or a claim is not valid, or the token is not valid now.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            options={
                "require": ["exp", "iat", "sub"],
                "verify_aud": audience is not None,
                "verify_exp": False,  # _check_times compares the times with the injected clock
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except _FAULTS as exc:
        reason = next((reason for kind, reason in _REASONS.items() if isinstance(exc, kind)), MALFORMED)
        raise InvalidToken(description=reason) from exc
    _check_types(claims)
    _check_times(claims, now=now)
    return claims


def _check_types(claims: Mapping[str, Any]) -> None:
    """Check the types of the claims.

    Raises:
        InvalidToken: a claim has the wrong type.
    """
    subject = claims["sub"]
    times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    if not (isinstance(subject, str) and SUBJECT.fullmatch(subject)):
        raise InvalidToken(description=WRONG_CLAIMS)
    if not all(type(at) in {int, float} and 0 <= at <= LATEST for at in times):  # exact for every int; false for NaN
        raise InvalidToken(description=WRONG_CLAIMS)


def _check_times(claims: Mapping[str, Any], *, now: float) -> None:
    """Check that the token is valid now (RFC 7519, sections 4.1.4 to 4.1.6).

    Raises:
        InvalidToken: the token has expired, or is not valid yet.
    """
    if claims["exp"] <= now:
        raise InvalidToken(description=EXPIRED)
    if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
        raise InvalidToken(description=TOO_EARLY)
