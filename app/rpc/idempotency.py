"""Idempotent creations: a repeated call with the same ``idempotency-key`` gets the first response (C21).

HTTP and gRPC share the keys: a key that was used for a creation over HTTP belongs to another request here.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message

from app.rpc.calls import Call
from app.services.idempotency import Answer
from app.wire.idempotency_keys import key_of

NAME: Final = "idempotency-key"
REPLAYED: Final = "idempotent-replayed"
_OK: Final = 200


def once(call: Call, request: Message, work: Callable[[], bytes]) -> bytes:
    """Return the stored response of the call's key, or do the work and store its response. Without a key, do the
    work.
    """
    sent = call.metadata.get(NAME)
    if sent is None:
        return work()
    stored = call.services.idempotency.once(
        key_of(sent),
        by=call.principal,
        fingerprint=hashlib.sha256(f"{call.path}\n".encode() + request.SerializeToString(deterministic=True)).digest(),
        answer=lambda: Answer(_OK, {}, work()),
    )
    if stored.is_replay:
        call.trailing[REPLAYED] = "true"
    return stored.body
