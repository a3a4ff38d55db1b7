"""A bounded cache holds a fixed number of entries."""

from multiprocessing.pool import ThreadPool

import pytest

from app.resilience.bounded_cache import BoundedCache


def test_ok() -> None:
    memory: BoundedCache[str, int] = BoundedCache(2)
    memory.put("a", 1)
    assert (memory.get("a"), memory.get("b")) == (1, None)


def test_the_oldest_entry_is_removed_first() -> None:
    memory: BoundedCache[str, int] = BoundedCache(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        memory.put(key, value)
    assert (memory.get("a"), memory.get("b"), memory.get("c"), len(memory)) == (3, None, 4, 2)


def test_several_threads_can_add_entries() -> None:
    memory: BoundedCache[int, int] = BoundedCache(100)
    with ThreadPool(8) as pool:
        pool.map(lambda number: memory.put(number, number), range(20_000), chunksize=100)
    assert len(memory) == 100


def test_a_capacity_of_zero_is_rejected() -> None:
    with pytest.raises(ValueError, match="at least one"):
        BoundedCache(0)
