"""Costs of an operation: CPU time of this process, and the memory that Python allocates. Never wall time."""

import gc
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Final

import orjson

ORDINARY: Final = b"[" + b",".join([b'{"title":"Buy milk","tags":["home"],"priority":3}'] * 20_000) + b"]"
"""A body of a megabyte as typical clients send them."""
TRIES: Final = 4
ORDINARY_SECONDS: Final = 0.012
"""The CPU time in which orjson loads it on the machine for which limits in seconds were chosen."""


def spent(do: Callable[[], object]) -> float:
    """Return the CPU time of a call in seconds. Garbage collections ignore the objects that other tests have made."""
    gc.freeze()
    try:
        began = time.process_time()
        do()
        return time.process_time() - began
    finally:
        gc.unfreeze()


def is_cheaper(do: Callable[[], object], than: float) -> bool:
    """Report whether a call takes less CPU time than this. It is tried a few times, because other load adds to it."""
    return any(spent(do) < than for _ in range(TRIES))


def peak(do: Callable[[], object]) -> int:
    """Return the peak of allocated bytes, as ``tracemalloc`` measures it."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def plain(size: int) -> float:
    """Return the CPU time in seconds that orjson takes for as many bytes of an ordinary body."""
    return _ordinary() * size / len(ORDINARY)


def machine() -> float:
    """Return how many times slower this machine is now than the one for which limits in seconds were chosen."""
    return max(1.0, _ordinary() / ORDINARY_SECONDS)


@cache
def _ordinary() -> float:
    return min(spent(lambda: orjson.loads(ORDINARY)) for _ in range(5))
