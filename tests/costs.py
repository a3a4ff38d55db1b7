"""What something costs: CPU time of this process, and the memory that Python allocates. Never wall time."""

import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Final

import orjson

ORDINARY: Final = b"[" + b",".join([b'{"title":"Buy milk","tags":["home"],"priority":3}'] * 20_000) + b"]"
"""A body of a megabyte as honest clients send them."""
TRIES: Final = 4
ORDINARY_SECONDS: Final = 0.012
"""What orjson takes to load it on the machine on which bounds in seconds were written down."""


def spent(do: Callable[[], object]) -> float:
    """Return the seconds of CPU that it takes."""
    began = time.process_time()
    do()
    return time.process_time() - began


def is_cheaper(do: Callable[[], object], than: float) -> bool:
    """Report whether it takes fewer seconds of CPU; what else runs only adds to them, so it is tried a few times."""
    return any(spent(do) < than for _ in range(TRIES))


def peak(do: Callable[[], object]) -> int:
    """Return the bytes that are allocated at once, at most, by what ``tracemalloc`` sees."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def plain(size: int) -> float:
    """Return the seconds of CPU that orjson takes for as many bytes of an ordinary body."""
    return _ordinary() * size / len(ORDINARY)


def machine() -> float:
    """Return how many times slower this machine is now than the one on which bounds in seconds were written down."""
    return max(1.0, _ordinary() / ORDINARY_SECONDS)


@cache
def _ordinary() -> float:
    return min(spent(lambda: orjson.loads(ORDINARY)) for _ in range(5))
