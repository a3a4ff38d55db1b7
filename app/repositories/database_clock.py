"""The clock of PostgreSQL, which all instances share: machines whose own clocks differ then agree on all times.

Each new connection measures it, with one round trip. Between measurements, the monotonic clock of the machine counts.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from app import product
from app.repositories import libpq_commands
from app.resilience import deadline

QUERY: Final = b"SELECT extract(epoch FROM clock_timestamp())"
MOST_UNCERTAIN: Final = 0.1
"""The longest round trip, in seconds, that can replace an earlier measurement."""
TIMEOUT: Final = 2.0
"""Seconds to wait for PostgreSQL's time without a deadline."""
TOLERATED: Final = 2.0
"""Seconds by which the clock of the machine may differ without a warning."""
_LOG: Final = product.logger("database")


class DatabaseClock:
    """PostgreSQL's clock. Before the first measurement, it is the clock of the machine."""

    def __init__(self) -> None:
        self._origin = time.time() - time.monotonic()
        self._is_measured = self._has_warned = False

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.fromtimestamp(self._origin + time.monotonic(), UTC)

    def measure(self, connection: "psycopg.Connection[Any]", _record: object = None) -> None:
        """Measure PostgreSQL's clock on a connection that no one uses yet.

        Raises:
            psycopg.Error: the connection is lost, or PostgreSQL doesn't respond.
        """
        limit, began = deadline.current.get(), time.monotonic()
        connection.pgconn.send_query(QUERY)
        result = libpq_commands.received(connection.pgconn, TIMEOUT if limit is None else limit.remaining(), [])
        if result is None:
            connection.close()
            raise psycopg.OperationalError("PostgreSQL has not returned its time")
        shown, ended = libpq_commands.check(result, connection).get_value(0, 0), time.monotonic()
        if shown is None or (self._is_measured and ended - began > MOST_UNCERTAIN):
            return
        self._origin, self._is_measured = float(shown) - (began + ended) / 2, True
        self._warn()

    def _warn(self) -> None:
        """Log a difference of the machine's clock, once for each process."""
        ahead = time.time() - time.monotonic() - self._origin
        if abs(ahead) > TOLERATED and not self._has_warned:
            self._has_warned = True
            _LOG.warning(
                "the clock of this machine is %.1f s %s PostgreSQL's: synchronize both with NTP",
                abs(ahead),
                "ahead of" if ahead > 0 else "behind",
            )
