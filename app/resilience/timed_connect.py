"""Connections within a time limit. Name resolution and connecting have no common timeout, so a thread does both."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Final, TypeVar

from app.resilience.background_work import run_in_background

C = TypeVar("C")
STAGGER: Final = 0.25
"""Seconds after which the next host is dialed as well (RFC 8305, section 5)."""
PATIENCE: Final = 0.5
"""Seconds to wait at least for a host that does not respond, after another one has rejected the connection.

It is half of the limit if that is longer: a distant host takes some round trips.
"""


def connect_within(connect: Callable[[], C], *, close: Callable[[C], None], within: float) -> C | None:
    """Return the connection, or ``None`` if it took longer than ``within`` seconds; a late connection is closed.

    Raises:
        Exception: any exception of ``connect``.
    """
    found = first_connection([connect], close=close, within=within)
    return None if found is None else found[1]


def first_connection(
    connects: Sequence[Callable[[], C]], *, close: Callable[[C], None], within: float
) -> tuple[int, C] | None:
    """Dial hosts one after the other, without waiting long for each. Return the first connection and its position.

    A lost host does not respond, and would otherwise delay the others. Later connections are closed.

    Args:
        connects: a function for each host.
        close: closes a connection.
        within: the time limit in seconds for all; ``None`` is returned after it.

    Raises:
        Exception: the exception of the last host that rejected a connection.
    """
    left, dialing = deque(enumerate(connects)), dict[Future[C], int]()
    dialed_at = time.monotonic()
    until = dialed_at + within
    failure: BaseException | None = None
    try:
        while left or dialing:
            if left:
                at, connect = left.popleft()
                dialing[run_in_background(connect, name="dial")] = at
                dialed_at = time.monotonic()
            patience = STAGGER if left else max(PATIENCE, within / 2) if failure else math.inf
            limit = min(until, dialed_at + patience)
            done, _ = wait(dialing, max(0.0, limit - time.monotonic()), return_when=FIRST_COMPLETED)
            for each in done:
                at, error = dialing.pop(each), each.exception()
                if error is None:
                    return at, each.result()
                failure = error
            if not done and (limit == until or not left):
                break
        if failure is not None and (not dialing or limit < until):
            raise failure
        return None
    finally:
        for each in dialing:
            each.add_done_callback(lambda late: None if late.exception() else close(late.result()))
