"""Bearer tokens: HS256 JWTs (RFC 7519) of our own, issued and verified; those of others are for others to verify."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import jwt

from app.context import Principal
from app.errs import raises
from app.errs.access import InvalidToken
from app.errs.platform import RateLimitExceeded, ServiceUnavailable
from app.models import claims
from app.models.claims import EXPIRED, REVOKED, SUBJECT, WRONG_CLAIMS, WRONG_SIGNATURE
from app.models.sessions import MAX_LIFETIME as LONGEST_LIFETIME
from app.models.sessions import TokenIdentity
from app.models.users import DELETED_USER_ID
from app.resilience.bounded_cache import BoundedCache
from app.resilience.clock import Clock
from app.resilience.digest_set import digest_of

ALGORITHM: Final = "HS256"
MAX_LENGTH: Final = 4096
CACHE_SIZE: Final = 10_000
"""Verified tokens that are remembered; beyond that, the one verified first is verified again."""


class Revocations(Protocol):
    """See ``app.services.revocations``."""

    def check_age(self) -> None: ...  # noqa: D102
    def __contains__(self, digest: int) -> bool: ...
    @property
    def is_empty(self) -> bool: ...  # noqa: D102


class Verifier(Protocol):
    """Knows tokens of others; see ``app.services.external_issuers`` and ``app.services.google``."""

    def accepts(self, token: str) -> bool: ...  # noqa: D102
    def verify(self, token: str, *, sender: str) -> Principal: ...  # noqa: D102


class _CachedToken(NamedTuple):
    """What a token said that was verified."""

    principal: Principal
    expires: float
    digests: tuple[int, ...]
    """Of the ids by which it may have been revoked: its key's, its own, and its session's."""


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
        revoked: Revocations | None = None,
        external: Collection[Verifier] = (),
    ) -> None:
        """Make the service.

        Args:
            secret: the key of tokens that name none. When there are ``keys``, it counts only if it is one of them.
            audience: what ``aud`` has to name, if anything.
            issuer: what ``iss`` has to be, if anything.
            clock: what tokens are judged by.
            keys: the keys that tokens name, by ``kid``; with the first of them, tokens are signed. No other counts.
            revoked: the sessions and tokens that have been revoked.
            external: verify what is not ours.
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
        """Return a signed token, with an id of its own unless one is given, and the id of its session if it has one.

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
        """Return who the token speaks for.

        Args:
            token: whatever was sent.
            sender: the address that sent it, where looking it up costs something.
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
        """Return which token it is; ``None`` of one that is not valid anyhow, not ours, or signed with a retired key.

        A token that is revoked already still names its session, which may go on under another id. No revocation has to
        last longer than the longest token that the service issues.
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
        """Return the id by which the tokens of a key are revoked, which does not reveal the key.

        Raises:
            KeyError: no key has this name.
        """
        return key_id(self._keys[kid])

    def _verify_cached(self, token: str) -> _CachedToken:
        """Return what the token says, without verifying again what has been verified: keys do not change, times do.

        Raises:
            InvalidToken: it is not valid.
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
        """Return the claims of a token of ours that is valid, unless it has been revoked, and its key.

        Raises:
            InvalidToken: it is not.
        """
        key = self._keys.get(claims.header_of(token, longest=MAX_LENGTH).get("kid"))
        if key is None:
            raise InvalidToken(description=WRONG_SIGNATURE)
        payload = claims.verified(
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
    """Return the id of a key in the list of revocations; of 256 random bits, it reveals none."""
    return f"key:{hashlib.sha256(b'candor key id v1' + key.encode()).hexdigest()[:32]}"
