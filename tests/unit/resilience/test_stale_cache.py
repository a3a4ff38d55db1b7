"""Stale-on-error copies are limited in number and age."""

from datetime import timedelta

import pytest

from app.resilience.stale_cache import StaleCache
from tests.fakes.monotonic import FakeMonotonic

FIVE = timedelta(minutes=5)


class TestStaleCache:
    def test_a_copy_expires_at_its_maximum_age(self) -> None:
        clock = FakeMonotonic()
        copies = StaleCache[str, int](lifetime=FIVE, monotonic=clock)
        copies.put("a", 1)
        clock.sleep(299.9)
        assert copies.get("a") == 1
        clock.sleep(0.2)
        assert copies.get("a") is None

    def test_a_newer_copy_has_its_own_age(self) -> None:
        clock = FakeMonotonic()
        copies = StaleCache[str, int](lifetime=FIVE, monotonic=clock)
        copies.put("a", 1)
        clock.sleep(299)
        copies.put("a", 2)
        clock.sleep(299)
        assert copies.get("a") == 2

    def test_of_too_many_copies_the_latest_are_kept(self) -> None:
        copies = StaleCache[int, int](lifetime=FIVE, max_size=3)
        for number in range(4):
            copies.put(number, number)
            copies.put(1, 1)
        assert [copies.get(number) for number in range(4)] == [None, 1, 2, 3]

    def test_a_deleted_copy_is_not_found(self) -> None:
        copies = StaleCache[str, int](lifetime=FIVE)
        copies.put("a", 1)
        copies.delete("a")
        copies.delete("b")
        assert copies.get("a") is None

    @pytest.mark.parametrize("nonsense", [{"lifetime": timedelta(0)}, {"lifetime": FIVE, "max_size": 0}])
    def test_invalid_arguments_are_rejected(self, nonsense: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="lifetime and the size"):
            StaleCache(**nonsense)  # type: ignore[arg-type]  # invalid types are tested
