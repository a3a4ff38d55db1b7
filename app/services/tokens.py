"""Bearer tokens. The service issues and verifies its own HS256 JWTs (RFC 7519), and delegates external tokens."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import jwt

from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import RateLimitExceeded, ServiceUnavailable
from app.models import claim_validation
from app.models.claim_validation import EXPIRED, REVOKED, SUBJECT, WRONG_CLAIMS, WRONG_SIGNATURE
from app.models.sessions import TokenIdentity
from app.models.token_lifetimes import MAX_LIFETIME as LONGEST_LIFETIME
from app.models.users import DELETED_USER_ID
from app.request_context import Principal
from app.resilience.bounded_cache import BoundedCache
from app.resilience.clock import Clock
from app.resilience.digest_set import digest_of

ALGORITHM: Final = "HS256"
MAX_LENGTH: Final = 4096
CACHE_SIZE: Final = 10_000
"""The maximum number of verified tokens in the cache. Beyond that, the oldest entry is removed."""


class Revocations(Protocol):
    """See ``app.services.revocations``."""

    def check_age(self) -> None: ...  # noqa: D102
    def __contains__(self, digest: int) -> bool: ...
    @property
    def is_empty(self) -> bool: ...  # noqa: D102


class Verifier(Protocol):
    """Verifies external tokens; see ``app.services.external_issuers`` and ``app.services.google_tokens``."""

    def accepts(self, token: str) -> bool: ...  # noqa: D102
    def verify(self, token: str, *, sender: str) -> Principal: ...  # noqa: D102


class _CachedToken(NamedTuple):
    """The contents of a verified token."""

    principal: Principal
    expires: float
    digests: tuple[int, ...]
    """The digests of the IDs by which it can be revoked: those of its key, the token, and its session."""


class TokenService:
    """Issues tokens, and verifies them to principals."""

    def __init__(
        self,
        *,
        secret: str,
        audience: str | None,
        issuer: str | None,
        clock: Clock,
        keys: Mapping[str, str] | None = None,
        revoked: Revocations | None = None,
        external: Collection[Verifier] = (),
    ) -> None:
        """Create the service.

        Args:
            secret: the key of tokens without ``kid``. If there are ``keys``, it is used only if it is one of them.
            audience: the required ``aud``, if any.
            issuer: the required ``iss``, if any.
            clock: the clock for the times in tokens.
            keys: the accepted keys, by ``kid``. The first one signs new tokens.
            revoked: the revoked sessions and tokens.
            external: the verifiers of external tokens.
        """
        self._keys: dict[str | None, str] = dict((keys or {}).items())
        if not keys or secret in keys.values():
            self._keys[None] = secret
        self._kid = next(iter(keys or {}), None)
        self._revoked = revoked
        self._audience = audience
        self._issuer = issuer
        self._clock = clock
        self._external = external
        self._cache: BoundedCache[bytes, _CachedToken] = BoundedCache(CACHE_SIZE)

    @raises()
    def issue(
        self,
        subject: str,
        *,
        scopes: Collection[str],
        lifetime: timedelta,
        token_id: str | None = None,
        session_id: str | None = None,
    ) -> str:
        """Return a signed token. Without ``token_id``, it gets a random ID.

        Raises:
            ValueError: the subject is empty, too long, has control characters or stands for deleted users, or the
                lifetime is not positive.
        """
        if not SUBJECT.fullmatch(subject):
            raise ValueError("a subject has 1 to 255 characters and no control characters")
        if subject == str(DELETED_USER_ID):
            raise ValueError(f"{DELETED_USER_ID} stands for deleted users and can't be the subject of a token")
        if lifetime <= timedelta(0):
            raise ValueError("a lifetime is positive")
        now = self._clock.now()
        payload: dict[str, Any] = {
            "sub": subject,
            "scope": " ".join(sorted(scopes)),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": token_id or secrets.token_hex(8),
        }
        if session_id:
            payload["sid"] = session_id
        if self._audience:
            payload["aud"] = self._audience
        if self._issuer:
            payload["iss"] = self._issuer
        headers = {"kid": self._kid} if self._kid else None
        return jwt.encode(payload, self._keys[self._kid], algorithm=ALGORITHM, headers=headers)

    @raises(InvalidToken, ServiceUnavailable, RateLimitExceeded)
    def verify(self, token: str, *, sender: str = "") -> Principal:
        """Return the principal of a token.

        Args:
            token: the string that the client sent.
            sender: the client address, by which external lookups are limited.
        """
        for external in self._external:
            if external.accepts(token):
                return external.verify(token, sender=sender)
        cached = self._verify_cached(token)
        if cached.expires <= self._clock.now().timestamp():
            raise InvalidToken(description=EXPIRED)
        if self._revoked is not None:
            self._revoked.check_age()
            if not self._revoked.is_empty and any(each in self._revoked for each in cached.digests):
                raise InvalidToken(description=REVOKED)
        return cached.principal

    @raises()
    def identify(self, token: str) -> TokenIdentity | None:
        """Return the identity of a token. ``None`` if it is invalid, external, or signed with a retired key.

        A revoked token is identified too, because its session may continue under another ID. The expiry is limited to
        the maximum lifetime of tokens that the service issues: a revocation need not last longer.
        """
        try:
            payload, key = self._decoded(token)
        except InvalidToken:
            return None
        if self._revoked is not None and digest_of(key_id(key)) in self._revoked:
            return None
        identity, session = payload.get("jti"), payload.get("sid")
        if not isinstance(identity, str) or not SUBJECT.fullmatch(identity):
            return None
        if not isinstance(session, str) or not SUBJECT.fullmatch(session):
            session = None
        longest = (self._clock.now() + LONGEST_LIFETIME).timestamp()
        return TokenIdentity(identity, session, datetime.fromtimestamp(min(payload["exp"], longest), UTC))

    @raises()
    def key_id(self, kid: str | None) -> str:
        """Return the ID by which all tokens of a key are revoked. It does not reveal the key.

        Raises:
            KeyError: there is no key with this ``kid``.
        """
        return key_id(self._keys[kid])

    def _verify_cached(self, token: str) -> _CachedToken:
        """Return the contents of a token, from the cache if possible. The caller checks expiry and revocation.

        Raises:
            InvalidToken: the token is not valid.
        """
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        cached = self._cache.get(digest)
        if cached is None:
            payload, key = self._decoded(token)
            principal = Principal(payload["sub"], frozenset(payload.get("scope", "").split()))
            ids = [payload[name] for name in ("jti", "sid") if isinstance(payload.get(name), str)]
            cached = _CachedToken(principal, payload["exp"], tuple(map(digest_of, (key_id(key), *ids))))
            self._cache.put(digest, cached)
        return cached

    def _decoded(self, token: str) -> tuple[dict[str, Any], str]:
        """Return the claims and the key of a token that this service has issued. Revocation is not checked.

        Raises:
            InvalidToken: the token is not valid.
        """
        key = self._keys.get(claim_validation.header_of(token, longest=MAX_LENGTH).get("kid"))
        if key is None:
            raise InvalidToken(description=WRONG_SIGNATURE)
        payload = claim_validation.verified(
            token,
            key,
            algorithm=ALGORITHM,
            audience=self._audience,
            issuer=self._issuer,
            now=self._clock.now().timestamp(),
        )
        if not isinstance(payload.get("scope", ""), str):
            raise InvalidToken(description=WRONG_CLAIMS)
        return payload, key


def key_id(key: str) -> str:
    """Return the ID of a key in the list of revocations. It does not reveal a random key of 256 bits."""
    return f"key:{hashlib.sha256(b'candor key id v1' + key.encode()).hexdigest()[:32]}"
