"""Page tokens: the position in a list, signed so that only the service can create them (AIP-158, C17).

A token is ``base64url(tag ‖ payload)``. It is bound to the list, its filter and order, and the caller. These are part
of the tag and not of the payload, which keeps tokens short. The payload is a JSON array: the total, then the keys. A
time is ``[microseconds since 1970]``, a date ``["date","2027-01-31"]``, and an amount ``["amount","9.80"]``.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson

from app import errs
from app.models.query import Cursor, Value

LONGEST: Final = 4096

_PURPOSE: Final = b"candor page token v2"
_PREVIOUS_PURPOSE: Final = b"candor page token v1"
"""Of tokens with one key for each member of the order. An instance of that release must reject tokens with fewer."""
_TAG_SIZE: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class PageTokens:
    """Signs and verifies page tokens with a key that is derived only for them (as in HKDF, RFC 5869)."""

    def __init__(self, secret: bytes) -> None:
        if not secret:
            raise ValueError("the secret of page tokens is empty")
        self._key, self._previous_key = (
            hmac.new(hmac.digest(secret, each, "sha256"), digestmod="sha256") for each in (_PURPOSE, _PREVIOUS_PURPOSE)
        )

    def seal(self, cursor: Cursor, *, bound_to: Sequence[str]) -> str:
        """Return the token for a cursor, valid only for the same ``bound_to``.

        Raises:
            ValueError: the keys are too long for a token.
            TypeError: a token can't hold a key of this type.
        """
        plain = [cursor.total_size, *(_packed(key) for key in cursor.keys)]
        payload = _payload(plain)
        token = urlsafe_b64encode(_tag(self._key, payload, bound_to) + payload).rstrip(b"=").decode()
        if len(token) > LONGEST:
            raise ValueError(f"a page token of {len(token)} characters")
        return token

    def open(self, token: str, *, bound_to: Sequence[str]) -> Cursor:
        """Return the cursor of a token.

        Raises:
            errs.lists.InvalidPageToken: the service did not create this token, or it is bound to something else.
        """
        sealed = _decoded(token)
        tag, payload = sealed[:_TAG_SIZE], sealed[_TAG_SIZE:]
        if not any(hmac.compare_digest(tag, _tag(key, payload, bound_to)) for key in (self._key, self._previous_key)):
            raise _invalid()
        total_size, *keys = json.loads(payload.decode(errors="surrogatepass"))
        return Cursor(tuple(_unpacked(key) for key in keys), total_size)


def _payload(plain: list[Any]) -> bytes:
    try:
        return orjson.dumps(plain)
    except TypeError:  # half a surrogate pair
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def _tag(key: hmac.HMAC, payload: bytes, bound_to: Sequence[str]) -> bytes:
    """Return the tag. A copy of the key's state takes less time than a new one."""
    state = key.copy()
    state.update(json.dumps([*bound_to]).encode() + b"\n" + payload)
    return state.digest()[:_TAG_SIZE]


def _decoded(token: str) -> bytes:
    """Return the bytes of a token. Only the canonical encoding is accepted."""
    if len(token) > LONGEST:
        raise _invalid()
    try:
        spelled = token.encode("ascii")
        sealed = urlsafe_b64decode(spelled + b"=" * (-len(spelled) % 4))
    except ValueError:
        raise _invalid() from None
    if urlsafe_b64encode(sealed).rstrip(b"=") != spelled:
        raise _invalid()
    return sealed


def _packed(key: Value) -> str | int | list[int] | list[str] | None:
    match key:
        case datetime():
            return [(key - _EPOCH) // _MICROSECOND]
        case date():
            return ["date", key.isoformat()]
        case Decimal():
            return ["amount", f"{key:f}"]
        case str() | int() | None:
            return key
    raise TypeError(f"a page token can't hold a {type(key).__name__}: {key!r}")


def _unpacked(key: Any) -> Value:
    match key:
        case ["date", str(text)]:
            return date.fromisoformat(text)
        case ["amount", str(text)]:
            return Decimal(text)
        case [int(microseconds)]:
            return _EPOCH + microseconds * _MICROSECOND
    found: str | int | None = key
    return found


def _invalid() -> errs.lists.InvalidPageToken:
    return errs.lists.InvalidPageToken()
