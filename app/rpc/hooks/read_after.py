"""Permits reads from a replica with the state that the caller has seen, and returns the new position in ``read-after``.

After authentication, which reads from the primary. Without REPLICA_URL, it does nothing.
"""

from collections.abc import Callable
from typing import Final

from app import request_context
from app.rpc.calls import Call
from app.wire.read_after import FIELD, Positions

NAME: Final = FIELD.lower()


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed, and return the position after a write or a read, also with an error."""
    if call.method is None or not call.app.config["REPLICA_URL"]:
        return proceed()
    positions: Positions = call.app.extensions["app-positions"]
    if call.method.reads_replica:
        allows_stale = bool(call.app.config["STALE_READS"])
        permission = positions.permission(call.metadata.get(NAME), allows_stale=allows_stale)
        request_context.replica_reads.set(permission)
    try:
        return proceed()
    finally:
        reported = positions.reported(request_context.position.get(), is_write=not call.method.reads_replica)
        if reported is not None:
            call.trailing[NAME] = reported
