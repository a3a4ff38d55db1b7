"""A poller: calls a function periodically in one daemon thread, to load changes that others made.

It runs outside the requests and their slots, with its own short budget. A poll that fails is repeated at the next
interval. The other side's own circuit breaker reports if it is down.
"""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from app import product
from app.errs import Error
from app.resilience import deadline

BUDGET: Final = timedelta(seconds=1)
_LOG: Final = product.logger("resilience")


class Poller:
    """Polls from ``start`` to ``stop``. Start it after a fork, because threads do not survive a fork."""

    def __init__(
        self,
        name: str,
        poll: Callable[[], None],
        *,
        every: timedelta,
        within: timedelta = BUDGET,
        at_first: timedelta | None = None,
    ) -> None:
        """Create a poller.

        Args:
            name: the name of the thread.
            poll: the function to call; it applies its own result.
            every: from one result to the next poll, less a random part so that workers do not poll together.
            within: the budget of a poll.
            at_first: the budget of the first poll, for which ``start`` waits; ``within`` by default.

        Raises:
            ValueError: the interval is not positive.
        """
        if every <= timedelta(0):
            raise ValueError("the interval of a poller is positive")
        self._name, self._poll, self._every, self._within = name, poll, every, within
        self._at_first = at_first or within
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Poll once before returning, to have a first result if possible; then continue in a thread.

        A poller that is already running is unaffected.
        """
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return
            self._is_stopped.clear()
            self._once(self._at_first)
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop after the poll in flight."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._is_stopped.wait(self._every.total_seconds() * random.uniform(0.8, 1)):  # noqa: S311 -- no secret
            self._once(self._within)

    def _once(self, within: timedelta) -> None:
        try:
            with deadline.within(within):
                self._poll()
        except Error as error:
            _LOG.debug("%s: dependency unavailable: %s", self._name, error.code)
        except Exception:
            _LOG.exception("%s failed", self._name)
