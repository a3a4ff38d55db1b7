"""Connections made in time: resolving a name and connecting know no common bound, so another thread does both."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from app.context import carried

C = TypeVar("C")


def dialed(connect: Callable[[], C], *, hang_up: Callable[[C], None], within: float) -> C | None:
    """Return the connection; ``None`` when there was none within so many seconds: it is hung up should it come later.

    Raises:
        Exception: whatever ``connect`` raises.
    """
    call = _Call(hang_up)
    threading.Thread(target=carried(call.run), args=(connect,), name="dial", daemon=True).start()
    outcome = call.within(within)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class _Call(Generic[C]):
    """A connection on its way from the thread that dials to the one that waits, unless that has gone."""

    def __init__(self, hang_up: Callable[[C], None]) -> None:
        self._outcome: SimpleQueue[C | Exception] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_awaited = True
        self._hang_up = hang_up

    def run(self, connect: Callable[[], C]) -> None:
        """Dial, and hang up when nobody waits any more."""
        outcome: C | Exception
        try:
            outcome = connect()
        except Exception as error:
            outcome = error
        with self._lock:
            if self._is_awaited:
                self._outcome.put(outcome)
            elif not isinstance(outcome, Exception):
                self._hang_up(outcome)

    def within(self, seconds: float) -> C | Exception | None:
        """Return what came of it; ``None`` when nothing did in time."""
        try:
            return self._outcome.get(timeout=seconds)
        except Empty:
            with self._lock:
                self._is_awaited = False
                return None if self._outcome.empty() else self._outcome.get()
