"""Connections within a time limit. Name resolution and connecting have no common timeout, so a thread does both."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from app.resilience.background_work import run_in_background

C = TypeVar("C")


def connect_within(connect: Callable[[], C], *, close: Callable[[C], None], within: float) -> C | None:
    """Return the connection, or ``None`` if it took longer than ``within`` seconds; a late connection is closed.

    Raises:
        Exception: any exception of ``connect``.
    """

    def close_late(late: "Future[C]") -> None:
        if late.exception() is None:
            close(late.result())

    dialing = run_in_background(connect, name="dial")
    wait([dialing], within)
    if dialing.done():
        return dialing.result()
    dialing.add_done_callback(close_late)
    return None
