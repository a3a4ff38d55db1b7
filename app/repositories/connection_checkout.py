"""Checked-out connections: counted, limited by the deadline of the request, and reported to the circuit breaker."""

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
"""Seconds in which a server accepts the cancellation of a statement. A server that hangs does not."""
CHECKOUT: Final = "checkout"


class Checkout:
    """The state of a connection from its checkout to its return."""

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
        """Prevent interruptions, by the deadline or a disconnected client, because a COMMIT is about to be sent.

        It waits for an interruption that has already begun. In this case the deadline has passed, and the caller must
        not send the COMMIT.
        """
        with self._lock:
            self._is_protected = True
        self._join()

    def enforce_deadline(self) -> None:
        """Enforce the deadline again after a COMMIT. If it passed during the COMMIT, watch the connection again."""
        self._is_protected = False
        if self._limit is not None and self._limit.is_over:
            with suppress(psycopg.Error):
                self._watch_again(self._connection.fileno(), first=self._start_cancelling)

    def _watch_again(self, fd: int, *, first: Callable[[], bool] | None = None) -> None:
        """Watch for a grace period. It must not hold ``_lock``: ``first`` takes it while the watchdog holds its own."""
        with self._watching:
            if self._watched is not None:
                self._watchdog.release(self._watched)
            self._watched = self._watchdog.watch(fd, at=time.monotonic() + GRACE, first=first)

    def end(self, error: BaseException | None) -> None:
        """End the checkout, and report its result to the breaker."""
        metrics.POOL_IN_USE.dec()
        if self._forget is not None and self._watched is not None:
            self._forget()
            self._watchdog.release(self._watched)
        if error is None:
            self._join()  # otherwise it could cancel a statement of the next user
        self._ticket.report(_translated(error))

    def _join(self) -> None:
        if self._cancelling is not None:
            self._cancelling.join()

    def _start_cancelling(self) -> bool:
        """Start to cancel the statement in a separate thread. Soon after, the watchdog closes the connection.

        It cancels only once, because a second cancellation could affect a statement of the next user. Return whether
        interruption is allowed: a COMMIT is never interrupted.
        """
        with self._lock:
            if not self._is_protected and self._cancelling is None:
                cancelling = threading.Thread(target=self._cancel, name="cancel", daemon=True)
                with suppress(RuntimeError):  # too many threads: the watchdog closes the connection anyway
                    cancelling.start()
                    self._cancelling = cancelling
            return not self._is_protected

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CANCEL_TIMEOUT)

    def _interrupt(self) -> None:
        """Cancel the statement. If the server does not respond, the watchdog closes the connection soon."""
        with suppress(psycopg.Error):
            fd = self._connection.fileno()
            if self._start_cancelling():
                self._watch_again(fd)
                self._join()


def of(connection: PoolProxiedConnection) -> Checkout | None:
    """Return the current checkout of a connection."""
    checkout: Checkout | None = _record(connection).get(CHECKOUT)
    return checkout


def _translated(error: BaseException | None) -> BaseException | None:
    """Return the application error for the driver's error that invalidated a connection."""
    if not isinstance(error, psycopg.Error):
        return error
    translated = error_translation.translated(error, is_disconnect=True)
    translated.__cause__ = error
    return translated


def begin(connection: PoolProxiedConnection, ticket: Ticket, watchdog: Watchdog) -> None:
    """Begin the checkout of a connection from the pool."""
    _record(connection)[CHECKOUT] = Checkout(connection.dbapi_connection, ticket, watchdog)


def end_on_return(pool: Pool) -> None:
    """End checkouts when connections of this pool are returned or invalidated."""

    def invalidate(_connection: object, record: ManagesConnection, exc: BaseException | None) -> None:
        checkout = _record(record).pop(CHECKOUT, None)
        if checkout is not None:  # there is none if the connection was returned without a checkout
            checkout.end(exc)

    def checkin(connection: object, record: ManagesConnection) -> None:
        invalidate(connection, record, None)

    event.listen(pool, "checkin", checkin)
    event.listen(pool, "invalidate", invalidate)


def _record(connection: ManagesConnection) -> dict[str, Any]:
    """Return the data of a pooled connection that outlives reconnects."""
    info = connection.record_info
    if info is None:
        raise TypeError("the connection has no pool record")
    return info
