"""A warning at start if PostgreSQL's connections don't suffice for the next reload."""

import threading
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from app import product
from app.errs import Error
from app.repositories.autocommit_reads import Reads
from app.repositories.server_status import ServerReads, ServerStatus
from app.resilience import deadline

SETTLED: Final = timedelta(seconds=30)
"""The time after which all workers have their connections, and those that they replace have closed theirs."""
TIMEOUT: Final = timedelta(seconds=2)
OTHERS: Final = 3
"""Connections for ``flask db upgrade``, ``flask status`` and an operator."""
_LOG: Final = product.logger("start")


def check_later(engine: Engine, *, generation: int, after: timedelta = SETTLED) -> threading.Timer:
    """Check once all instances have their connections, in a thread.

    Args:
        engine: the engine of the application.
        generation: see ``shortage``.
        after: the time until the check.
    """

    def check() -> None:
        with deadline.within(TIMEOUT):
            try:
                status = ServerReads(Reads(lambda: engine)).status()
            except Error:
                return  # readiness reports it
        if warning := shortage(status, generation=generation):
            _LOG.warning("%s", warning)

    timer = threading.Timer(after.total_seconds(), check)
    timer.daemon = True
    timer.start()
    return timer


def shortage(status: ServerStatus, *, generation: int) -> str | None:
    """Return a warning if the connections don't suffice; ``None`` if they do.

    Args:
        status: the connections now.
        generation: the connections that the workers of an instance open, in addition, while they replace others.
    """
    needed, accepted = status.connections + generation + OTHERS, status.max_connections - status.reserved
    if needed <= accepted:
        return None
    return (
        f"PostgreSQL accepts {accepted} connections, {status.connections} are open, and a reload of this instance needs"
        f" up to {generation} more: set max_connections to {needed + status.reserved} or more, or lower"
        " DATABASE_POOL_SIZE or WEB_CONCURRENCY"
    )
