"""Permits reads from a replica with the state that the caller has seen, and returns the new position in ``Read-After``.

After authentication, which reads from the primary. The hook is registered only if REPLICA_URL is set.
"""

from flask import Flask, Response

from app import request_context
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
    if request.operation is not None and request.operation.reads_replica:
        allows_stale = bool(application().config["STALE_READS"])
        permission = _positions().permission(request.sent(FIELD), allows_stale=allows_stale)
        request_context.replica_reads.set(permission)


def report(response: Response) -> Response:
    """Return the position after a write or a read."""
    request = current()
    is_write = request.operation is not None and request.operation.needs_slot and request.method not in READS
    reported = _positions().reported(request_context.position.get(), is_write=is_write)
    if reported is not None:
        response.headers[FIELD] = reported
    return response


def _positions() -> Positions:
    found: Positions = application().extensions["app-positions"]
    return found
