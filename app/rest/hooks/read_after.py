"""Permits reads from a replica with the state that the caller has seen, and returns the new position in ``Read-After``.

After authentication, which reads from the primary. The hook is registered only if REPLICA_URL is set.
"""

from flask import Flask, Response

from app import request_context
from app.request_context import UNREACHED, ReplicaReads
from app.rest.conditional import READS
from app.rest.request import application, current
from app.wire.read_after import FIELD, Positions


def install(app: Flask) -> None:
    """Register the hook if there are replicas."""
    if app.config["REPLICA_URL"]:
        app.before_request(permit)
        app.after_request(report)


def permit() -> None:
    """Permit reads from a replica if the operation does, and the caller sent a position or may read stale data."""
    request = current()
    if request.operation is None or not request.operation.reads_replica:
        return
    sent = request.sent(FIELD)
    if sent is not None:
        request_context.replica_reads.set(ReplicaReads(_positions().open(sent)))
    elif application().config["STALE_READS"]:
        request_context.replica_reads.set(ReplicaReads(None))


def report(response: Response) -> Response:
    """Return the position after a write or a read.

    After a write without a known position, the next read uses the primary: a repeated creation that was stored earlier,
    or a 412, whose client must not read the version that it already has.
    """
    position, request = request_context.position.get(), current()
    if position is None and request.operation and request.operation.needs_slot and request.method not in READS:
        position = UNREACHED
    if position is not None:
        response.headers[FIELD] = _positions().seal(position)
    return response


def _positions() -> Positions:
    found: Positions = application().extensions["app-positions"]
    return found
