"""Fixed-window counters in memory, on a clock that the test sets."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resilience.in_memory_rate_limit_store import SWEEP_THRESHOLD, InMemoryRateLimitStore, Window
from tests.fakes.monotonic import FakeMonotonic


@pytest.fixture
def clock() -> FakeMonotonic:
    return FakeMonotonic()


@pytest.fixture
def windows(clock: FakeMonotonic) -> InMemoryRateLimitStore:
    return InMemoryRateLimitStore(monotonic=clock)


class TestHit:
    def test_ok(self, windows: InMemoryRateLimitStore, clock: FakeMonotonic) -> None:
        assert windows.increment("a", seconds=10) == Window(1, 10)
        clock.now += 4
        assert windows.increment("a", seconds=10) == Window(2, 6)

    def test_each_key_has_its_own_counter(self, windows: InMemoryRateLimitStore) -> None:
        windows.increment("a", seconds=10)
        assert windows.increment("b", seconds=10).hits == 1

    def test_a_window_ends_exactly_at_its_time(self, windows: InMemoryRateLimitStore, clock: FakeMonotonic) -> None:
        windows.increment("a", seconds=10)
        clock.now += 10
        assert windows.increment("a", seconds=10) == Window(1, 10)

    def test_two_threads_never_take_the_same_request(self, windows: InMemoryRateLimitStore) -> None:
        """C22."""
        seen: list[int] = []

        def hit() -> None:
            seen.extend(windows.increment("a", seconds=10).hits for _ in range(500))

        threads = [threading.Thread(target=hit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == list(range(1, 4001))

    @given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 0.5, 1, 3, 7]))))
    def test_the_count_starts_with_the_window(self, steps: list[tuple[str, float]]) -> None:
        clock = FakeMonotonic()
        windows, kept = InMemoryRateLimitStore(monotonic=clock), dict[str, list[float]]()
        for key, passes in steps:
            clock.now += passes
            mine = kept.setdefault(key, [])
            if mine and clock.now >= mine[0] + 5:
                mine.clear()
            mine.append(clock.now)
            assert windows.increment(key, seconds=5) == Window(len(mine), mine[0] + 5 - clock.now)


class TestAmount:
    def test_several_hits_at_once(self, windows: InMemoryRateLimitStore) -> None:
        assert [windows.increment("a", seconds=10, amount=amount).hits for amount in (4, 1, 0)] == [4, 5, 5]


class TestClear:
    def test_ok(self, windows: InMemoryRateLimitStore) -> None:
        for key in ("a", "b"):
            windows.increment(key, seconds=10, amount=3)
        windows.clear("a")
        assert [windows.increment(key, seconds=10).hits for key in ("a", "b")] == [1, 4]

    def test_all_keys_of_a_prefix_are_cleared(self, windows: InMemoryRateLimitStore) -> None:
        for key in ("limit/a", "limit/b", "mail/a"):
            windows.increment(key, seconds=10)
        assert windows.reset("limit/") == 2
        assert [windows.peek_local(key).hits for key in ("limit/a", "limit/b", "mail/a")] == [0, 0, 1]


class TestMemory:
    def test_ended_windows_are_removed(self, windows: InMemoryRateLimitStore, clock: FakeMonotonic) -> None:
        for second in range(50):
            for n in range(100):
                windows.increment(f"{second}-{n}", seconds=1)
            clock.now += 1
        assert len(windows._windows) <= SWEEP_THRESHOLD

    def test_the_number_of_windows_is_limited(self, clock: FakeMonotonic) -> None:
        """A client with many addresses cannot fill the memory."""
        windows = InMemoryRateLimitStore(max_windows=50, monotonic=clock)
        for n in range(500):
            windows.increment(str(n), seconds=3600)
        assert len(windows._windows) == 50
        assert windows.increment("499", seconds=3600).hits == 2

    def test_merged_windows_count_towards_the_limit(self, clock: FakeMonotonic) -> None:
        windows = InMemoryRateLimitStore(max_windows=50, monotonic=clock)
        for n in range(500):
            windows.merge(str(n), Window(1, 3600), at=clock.now)
        assert len(windows._windows) == 50


class TestMerge:
    def test_ok(self, windows: InMemoryRateLimitStore, clock: FakeMonotonic) -> None:
        """Counting continues from the merged value until that window ends."""
        windows.merge("a", Window(7, 3), at=clock.now - 1)
        assert windows.peek_local("a") == Window(7, 2)
        assert windows.increment("a", seconds=10) == Window(8, 2)
        clock.now += 2
        assert windows.peek_local("a") == Window(0, 0)
        assert windows.increment("a", seconds=10) == Window(1, 10)

    def test_results_that_arrive_out_of_order_lower_no_count(
        self, windows: InMemoryRateLimitStore, clock: FakeMonotonic
    ) -> None:
        windows.merge("a", Window(7, 3), at=clock.now)
        windows.merge("a", Window(6, 3), at=clock.now)
        assert windows.peek_local("a").hits == 7

    def test_a_new_window_is_accepted_when_the_local_one_has_ended(
        self, windows: InMemoryRateLimitStore, clock: FakeMonotonic
    ) -> None:
        windows.merge("a", Window(7, 3), at=clock.now)
        clock.now += 3
        windows.merge("a", Window(1, 3), at=clock.now)
        assert windows.peek_local("a") == Window(1, 3)
