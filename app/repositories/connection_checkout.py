"""A connection in use: counted, held to the deadline of whoever has it, and reported on to the breaker."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import psycopg
from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.pool import ManagesConnection, Pool

from app.observability import metrics
from app.repositories import error_translation
from app.resilience import deadline
from app.resilience.breaker import Ticket
from app.resilience.socket_watchdog import GRACE, Watchdog

CANCEL_TIMEOUT: Final = 0.3
"""Seconds in which a server takes note that a statement is not to go on; one that hangs does not, and is left."""
CHECKOUT: Final = "loan"


class Checkout:
    """What lasts as long as somebody has a connection."""

    __slots__ = (
        "_cancelling",
        "_connection",
        "_forget",
        "_is_protected",
        "_limit",
        "_lock",
        "_ticket",
        "_watchdog",
        "_watched",
        "_watching",
    )

    def __init__(self, connection: Any, ticket: Ticket, watchdog: Watchdog) -> None:
        self._connection, self._ticket, self._watchdog = connection, ticket, watchdog
        self._cancelling: threading.Thread | None = None
        self._is_protected, self._lock, self._watching = False, threading.Lock(), threading.Lock()
        self._limit = limit = deadline.current.get()
        if limit is None:
            self._watched, self._forget = None, None
        else:
            self._watched = watchdog.watch(connection.fileno(), at=limit.at, first=self._start_cancelling)
            self._forget = limit.on_cut(self._interrupt)
        metrics.POOL_IN_USE.inc()

    def protect_commit(self) -> None:
        """Interrupt it no more, neither at the deadline nor when the caller goes away: a COMMIT is about to be sent.

        An interruption that has begun is waited for. The deadline is over then, and no COMMIT must be sent.
        """
        with self._lock:
            self._is_protected = True
        self._join()

    def enforce_deadline(self) -> None:
        """Hold it to the deadline again, after a COMMIT; one that has passed meanwhile has been forgotten."""
        self._is_protected = False
        if self._limit is not None and self._limit.is_over:
            with suppress(psycopg.Error):
                self._watch_again(self._connection.fileno(), first=self._start_cancelling)

    def _watch_again(self, fd: int, *, first: Callable[[], bool] | None = None) -> None:
        """Watch for a little longer. Not under the lock that ``first`` takes while the watchdog holds its own."""
        with self._watching:
            if self._watched is not None:
                self._watchdog.release(self._watched)
            self._watched = self._watchdog.watch(fd, at=time.monotonic() + GRACE, first=first)

    def end(self, error: BaseException | None) -> None:
        """Let go of the connection, and say how it went."""
        metrics.POOL_IN_USE.dec()
        if self._forget is not None and self._watched is not None:
            self._forget()
            self._watchdog.release(self._watched)
        if error is None:
            self._join()  # or it would meet the statement of whoever has the connection next
        self._ticket.report(_translated(error))

    def _join(self) -> None:
        if self._cancelling is not None:
            self._cancelling.join()

    def _start_cancelling(self) -> bool:
        """Have the server end the statement, in a thread beside the watchdog, which hangs up soon after.

        Once only: a second cancellation could meet the next user's statement. Return whether it may: a COMMIT is left
        alone.
        """
        with self._lock:
            if not self._is_protected and self._cancelling is None:
                cancelling = threading.Thread(target=self._cancel, name="cancel", daemon=True)
                with suppress(RuntimeError):  # the process can have no more threads: the watchdog hangs up all the same
                    cancelling.start()
                    self._cancelling = cancelling
            return not self._is_protected

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CANCEL_TIMEOUT)

    def _interrupt(self) -> None:
        """Have the server end the statement; if it does not listen, hang up soon."""
        with suppress(psycopg.Error):
            fd = self._connection.fileno()
            if self._start_cancelling():
                self._watch_again(fd)
                self._join()


def of(connection: PoolProxiedConnection) -> Checkout | None:
    """Return the loan of a connection."""
    checkout: Checkout | None = _record(connection).get(CHECKOUT)
    return checkout


def _translated(error: BaseException | None) -> BaseException | None:
    """Return the error of the catalogue for the driver's, with which a connection was given up."""
    if not isinstance(error, psycopg.Error):
        return error
    translated = error_translation.translated(error, is_disconnect=True)
    translated.__cause__ = error
    return translated


def begin(connection: PoolProxiedConnection, ticket: Ticket, watchdog: Watchdog) -> None:
    """Begin the loan of a connection that comes from the pool."""
    _record(connection)[CHECKOUT] = Checkout(connection.driver_connection, ticket, watchdog)


def end_on_return(pool: Pool) -> None:
    """End loans when connections come back to this pool, or are given up."""

    def invalidate(_connection: object, record: ManagesConnection, exc: BaseException | None) -> None:
        checkout = _record(record).pop(CHECKOUT, None)
        if checkout is not None:  # a connection that was not got at is returned all the same
            checkout.end(exc)

    def checkin(connection: object, record: ManagesConnection) -> None:
        invalidate(connection, record, None)

    event.listen(pool, "checkin", checkin)
    event.listen(pool, "invalidate", invalidate)


def _record(connection: ManagesConnection) -> dict[str, Any]:
    """Return what is kept beside a pooled connection, across its reconnects."""
    if connection.record_info is None:
        raise TypeError("every connection is pooled")
    return connection.record_info
