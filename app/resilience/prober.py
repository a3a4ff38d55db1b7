"""A prober: while a breaker is open, a thread checks if the dependency is back; no client's request is a probe."""

import random
import threading
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from app.resilience import deadline

WITHIN: Final = timedelta(seconds=1)
"""The time limit of a probe."""
_RANDOM: Final = random.Random()  # noqa: S311 -- no secret


class Permission(Protocol):
    """See ``breaker.Ticket``."""

    def done(self, *, ok: bool | None, cause: BaseException | None = None) -> None: ...  # noqa: D102


class Probeable(Protocol):
    """See ``breaker.Breaker``."""

    name: str
    ask: Callable[[], None] | None

    def probe(self) -> Permission | None: ...  # noqa: D102


def start(breaker: Probeable, *, every: timedelta) -> None:
    """Probe immediately, and again until a probe succeeds, in a thread that ends when the breaker is garbage-collected.

    Args:
        breaker: the open breaker.
        every: from one result to the next probe, less a random part so that workers do not probe together.
    """
    arguments = (weakref.ref(breaker), every.total_seconds())
    threading.Thread(target=_run, args=arguments, name=f"probe {breaker.name}", daemon=True).start()


def _run(breaker: Callable[[], Probeable | None], every: float) -> None:
    while not _is_over(breaker()):
        time.sleep(every * _RANDOM.uniform(0.8, 1))


def _is_over(breaker: Probeable | None) -> bool:
    """Probe once; return true if no further probe is needed."""
    permission = None if breaker is None else breaker.probe()
    if breaker is None or permission is None or breaker.ask is None:
        return True
    try:
        with deadline.within(WITHIN):
            breaker.ask()
    except Exception as error:
        permission.done(ok=False, cause=error)
        return False
    permission.done(ok=True)
    return True
