"""Connections made in time: resolving a name and connecting know no common bound, so another thread does both."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from app.resilience.background_thread import run_in_background

C = TypeVar("C")


def connect_within(connect: Callable[[], C], *, close: Callable[[C], None], within: float) -> C | None:
    """Return the connection; ``None`` when there was none within so many seconds: it is hung up should it come later.

    Raises:
        Exception: whatever ``connect`` raises.
    """

    def hang_up_on(late: "Future[C]") -> None:
        if late.exception() is None:
            close(late.result())

    dialing = run_in_background(connect, name="dial")
    wait([dialing], within)
    if dialing.done():
        return dialing.result()
    dialing.add_done_callback(hang_up_on)
    return None
