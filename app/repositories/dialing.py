"""New connections, made within the deadline: the driver itself never gives up before two seconds are over."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from psycopg import Connection
from sqlalchemy import Dialect

from app.context import carried
from app.resilience import deadline

Outcome = Connection[Any] | Exception


def dial(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Connection[Any] | None:
    """Return a connection; ``None`` leaves it to the engine where there is no deadline.

    Raises:
        DeadlineExceeded: there was none in time. It is closed should it come after all.
    """
    limit = deadline.current.get()
    if limit is None:
        return None
    dialed = _Dialed()
    threading.Thread(
        target=carried(dialed.run), args=(lambda: dialect.connect(*arguments, **options),), name="dial", daemon=True
    ).start()
    outcome = dialed.within(limit.remaining())
    if outcome is None:
        raise limit.exceeded("database")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class _Dialed:
    """A connection on its way from the thread that dials to the one that waits, unless that has gone."""

    def __init__(self) -> None:
        self._outcome: SimpleQueue[Outcome] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_awaited = True

    def run(self, connect: Callable[[], Any]) -> None:
        """Dial, and hang up when nobody waits any more."""
        outcome: Outcome
        try:
            outcome = connect()
        except Exception as error:
            outcome = error
        with self._lock:
            if self._is_awaited:
                self._outcome.put(outcome)
            elif isinstance(outcome, Connection):
                outcome.close()

    def within(self, seconds: float) -> Outcome | None:
        """Return what came of it; ``None`` when nothing did in time."""
        try:
            return self._outcome.get(timeout=seconds)
        except Empty:
            with self._lock:
                self._is_awaited = False
                return None if self._outcome.empty() else self._outcome.get()
