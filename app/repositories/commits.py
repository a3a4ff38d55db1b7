"""COMMIT: sent once, never cancelled, and acknowledged only if PostgreSQL reports that it is durable.

A COMMIT that is cancelled while it waits for a synchronous standby succeeds locally, with a warning. A failover then
loses it. Therefore, if the deadline passes during a COMMIT, the request ends, but its connection stays open. The
connection counts as a writer until the result is known (``WriterLimit``). A cancellation before COMMIT is safe, because
PostgreSQL then rolls back.
"""

import math
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from sqlalchemy import PoolProxiedConnection

from app import product, request_context
from app.errs import Error
from app.errs.platform import ServiceUnavailable
from app.observability import metrics
from app.repositories import connection_checkout, error_translation, libpq_commands, position
from app.resilience import deadline
from app.resilience.socket_watchdog import GRACE
from app.resilience.writer_limit import WriterLimit

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

UNREPLICATED: Final = "SyncRepWaitForLSN"
"""The PostgreSQL function that warns of an unreplicated COMMIT. Its name, unlike the message, is not translated."""
KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""TCP keepalive, in seconds and probes. Only it detects a lost server while a COMMIT waits."""
ROLLBACK: Final = 0.2
"""Seconds to wait for the result of a ROLLBACK instead of a COMMIT."""
_LOG: Final = product.logger("database")
Detach = Callable[[PoolProxiedConnection, BaseException], Callable[[], None]]
"""Detaches a connection from its request; returns a function that frees its place in the pool."""


class Commits:
    """The ``do_commit`` of an engine's dialect."""

    def __init__(self, writer_limit: WriterLimit, detach: Detach, *, reports_position: bool = False) -> None:
        """Store the limit of writers, and how to detach a connection.

        Args:
            writer_limit: counts the writers.
            detach: detaches a connection from its request.
            reports_position: true to set ``request_context.position`` with each COMMIT, in the same round trip.
        """
        self._writers, self._leave, self._reports_position = writer_limit, detach, reports_position

    def __call__(self, connection: PoolProxiedConnection) -> None:
        """Commit.

        Raises:
            DeadlineExceeded: nothing was sent, or the result is not known in time.
            ServiceUnavailable: there are too many writers, or the standby has not confirmed.
            psycopg.Error: PostgreSQL's error.
        """
        driven: Any = connection.dbapi_connection
        if driven.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        limit, checkout = deadline.current.get(), connection_checkout.of(connection)
        self._enter(connection, limit, checkout)
        is_left = False
        try:
            commit = _Commit(driven, reports_position=self._reports_position)
            if limit is None:
                commit.finishes(None)
            elif not commit.finishes(limit.at + GRACE - time.monotonic()):
                is_left = True
                raise self._detached(connection, commit, limit)
        finally:
            if not is_left:
                self._writers.leave(driven)
        if checkout is not None:
            checkout.enforce_deadline()
        commit.check()

    def _enter(
        self,
        connection: PoolProxiedConnection,
        limit: deadline.Deadline | None,
        checkout: connection_checkout.Checkout | None,
    ) -> None:
        """Count this writer. If there are too many, or the deadline has passed, roll back: SQLAlchemy would not."""
        driven = connection.driver_connection
        try:
            self._writers.enter(driven, until=math.inf if limit is None else limit.at)
            if checkout is not None:
                checkout.protect_commit()
            if limit is not None:
                limit.check("database")
        except Error:
            self._writers.leave(driven)
            _roll_back(connection)
            raise

    def _detached(self, connection: PoolProxiedConnection, commit: "_Commit", limit: deadline.Deadline) -> Error:
        """Return the error of a request that ends before the result is known."""
        error = limit.exceeded("database")
        error.facts = {**error.facts, "is_committing": True}
        error_translation.count(error, "commit")
        give_back = self._leave(connection, error)
        metrics.COMMITS_UNSETTLED.inc()

        def settle(wait: Callable[[], None]) -> None:
            began = time.monotonic()
            try:
                wait()
            finally:
                metrics.COMMITS_UNSETTLED.dec()
                self._writers.leave(commit.driven)
                give_back()
            _LOG.warning("a COMMIT ended %.1f s after its request: %s", time.monotonic() - began, commit.outcome())

        try:
            threading.Thread(target=settle, args=[commit.settle], name="settle", daemon=True).start()
        except RuntimeError:  # the process can't have another thread
            settle(commit.driven.close)
        return error


def _roll_back(connection: PoolProxiedConnection) -> None:
    """Roll back with a short timeout, as the watchdog no longer watches. Close a connection that does not respond."""
    try:
        libpq_commands.roll_back(connection, ROLLBACK)
    except psycopg.Error as lost:
        connection.invalidate(lost)


class _Commit:
    """A COMMIT that was sent."""

    def __init__(self, driven: "psycopg.Connection[Any]", *, reports_position: bool) -> None:
        self.driven = driven
        self._reports_position = reports_position
        self._pgconn: PGconn = driven.pgconn
        self._results: list[PGresult] = []
        self._result: PGresult | None = None
        self._warnings: list[str | None] = []
        self._before = request_context.changing.get()
        driven.add_notice_handler(self._record_notice)
        self._pgconn.send_query(b"COMMIT;" + position.AFTER_COMMIT if reports_position else b"COMMIT")
        request_context.changing.set(True)

    def _record_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._warnings.append(notice.source_function)

    def finishes(self, within: float | None) -> bool:
        """Wait for the result, at most ``within`` seconds. Return whether it has arrived."""
        if libpq_commands.received(self._pgconn, within, self._results) is None:
            return False
        self._result = self._results[0]
        self.driven.remove_notice_handler(self._record_notice)
        return True

    def check(self) -> None:
        """Check that the transaction is durable.

        Raises:
            ServiceUnavailable: the standby has not confirmed it.
            psycopg.Error: PostgreSQL's error.
        """
        result = self._result
        if result is not None and result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) == b"ERROR":
            request_context.changing.set(self._before)  # after FATAL, the result stays unknown
        result = libpq_commands.check(result, self.driven)
        if UNREPLICATED in self._warnings:
            error = ServiceUnavailable(
                "database.commit", detail="the standby has not confirmed the COMMIT", retry_after=1, is_undone=False
            )
            error_translation.count(error, "commit")
            raise error
        if result.command_status != b"COMMIT":
            request_context.changing.set(self._before)
            raise psycopg.errors.InFailedSqlTransaction("COMMIT of a failed transaction has rolled it back")
        if self._reports_position:
            request_context.position.set(self._position())

    def _position(self) -> request_context.Position:
        """Return the position after the COMMIT. Without it, the next read has to go to the primary."""
        found = None
        if len(self._results) > 1 and self._results[1].status == ExecStatus.TUPLES_OK:
            found = position.parsed((self._results[1].get_value(0, 0), self._results[1].get_value(0, 1)))
        return found or request_context.UNREACHED

    def settle(self) -> None:
        """Wait for the result without a limit, and close the connection."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._pgconn.socket)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
        with suppress(psycopg.Error):
            self.finishes(None)
        self.driven.close()

    def outcome(self) -> str:
        """Return the outcome, for the log."""
        if self._result is None:
            return "the result is unknown"
        if self._result.status != ExecStatus.COMMAND_OK:
            return "it failed"
        return "it succeeded, without its standby" if UNREPLICATED in self._warnings else "it succeeded"
