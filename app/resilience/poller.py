"""A poller: asks again and again for what others may have changed, in one daemon thread.

It works outside the requests and their slots, within a short budget of its own. What cannot be asked now is asked the
next time: whether the other side is away, its own breaker tells.
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
    """Polls from ``start`` to ``stop``; threads do not survive a fork, so it is started after it."""

    def __init__(
        self,
        name: str,
        poll: Callable[[], None],
        *,
        every: timedelta,
        within: timedelta = BUDGET,
        at_first: timedelta | None = None,
    ) -> None:
        """Make one.

        Args:
            name: of the thread.
            poll: asks, and does what follows from the answer.
            every: from one answer to the next question, less a random part so that workers do not ask together.
            within: how long an answer may take.
            at_first: how long the first one may take, for which ``start`` waits; ``within`` by default.

        Raises:
            ValueError: the pause is not positive.
        """
        if every <= timedelta(0):
            raise ValueError("a pause is positive")
        self._name, self._poll, self._every, self._within = name, poll, every, within
        self._at_first = at_first or within
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Begin: ask once before returning, so that who goes on has an answer if there is one; then in a thread.

        A poller that is running already goes on as it is.
        """
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return
            self._is_stopped.clear()
            self._once(self._at_first)
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, once a question that was asked is answered."""
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
