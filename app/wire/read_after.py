"""``Read-After``: the position in the write-ahead log that a caller has seen, signed so that only the service makes it.

It is a header field of HTTP, and metadata of gRPC with the same name in lower case.

A value is ``base64url(tag ‖ timeline ‖ LSN)``, of 32 and 64 bits. A caller with parallel requests can send several
values, separated by commas.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import reduce
from typing import Final

from app.request_context import UNREACHED, Position, ReplicaReads

FIELD: Final = "Read-After"
MOST: Final = 16
"""The number of values that a request can send."""
_PURPOSE: Final = b"candor position v1"
_FORM: Final = struct.Struct(">IQ")
_TAG_SIZE: Final = 16


class Positions:
    """Signs and verifies positions with a key that is derived only for them (as in HKDF, RFC 5869)."""

    def __init__(self, secret: bytes) -> None:
        if not secret:
            raise ValueError("the secret of positions is empty")
        self._key = hmac.digest(secret, _PURPOSE, "sha256")

    def permission(self, sent: str | None, *, allows_stale: bool) -> ReplicaReads | None:
        """Return the permission to read from a replica.

        Args:
            sent: the value that the caller sent, if any.
            allows_stale: true if a caller that sent no value can read stale data.
        """
        if sent is not None:
            return ReplicaReads(self.open(sent))
        return ReplicaReads(None) if allows_stale else None

    def reported(self, position: Position | None, *, is_write: bool) -> str | None:
        """Return the value for a response, if there is any.

        After a write without a known position, the next read uses the primary: a repeated creation that was stored
        earlier, or a conflict, whose client must not read the version that it already has.
        """
        if position is None and is_write:
            position = UNREACHED
        return None if position is None else self.seal(position)

    def seal(self, position: Position) -> str:
        """Return the value for a position."""
        payload = _FORM.pack(position.timeline, position.lsn)
        return urlsafe_b64encode(self._tag(payload) + payload).rstrip(b"=").decode()

    def open(self, text: str) -> Position:
        """Return the position that includes those of all values.

        An invalid value, such as one from before a change of the secret, makes it ``UNREACHED``: the primary then
        serves the request.
        """
        values = text.split(",")
        if len(values) > MOST:
            return UNREACHED
        return reduce(Position.joined, [self._opened(value.strip()) for value in values])

    def _opened(self, value: str) -> Position:
        try:
            sealed = urlsafe_b64decode(value.encode("ascii") + b"=" * (-len(value) % 4))
        except ValueError:
            return UNREACHED
        tag, payload = sealed[:_TAG_SIZE], sealed[_TAG_SIZE:]
        if len(payload) != _FORM.size or not hmac.compare_digest(tag, self._tag(payload)):
            return UNREACHED
        return Position(*_FORM.unpack(payload))

    def _tag(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")[:_TAG_SIZE]
