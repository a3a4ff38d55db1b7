"""A creation repeated with the same ``idempotency-key`` in its metadata gets the first answer again (C21).

Keys are those of HTTP: one that was used there for a creation is another request here.
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
    """Return the answer that is kept under the call's key, or have it made and kept; without a key, have it made."""
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
