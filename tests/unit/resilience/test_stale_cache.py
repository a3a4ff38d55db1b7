"""Copies of what was got lately are bounded in number and age."""

from datetime import timedelta

import pytest

from app.resilience.stale_cache import Copies
from tests.fakes.monotonic import FakeMonotonic

FIVE = timedelta(minutes=5)


class TestCopies:
    def test_are_good_for_so_long_and_no_longer(self) -> None:
        clock = FakeMonotonic()
        copies = Copies[str, int](lasting=FIVE, monotonic=clock)
        copies.keep("a", 1)
        clock.sleep(299.9)
        assert copies.find("a") == 1
        clock.sleep(0.2)
        assert copies.find("a") is None

    def test_a_newer_one_lasts_anew(self) -> None:
        clock = FakeMonotonic()
        copies = Copies[str, int](lasting=FIVE, monotonic=clock)
        copies.keep("a", 1)
        clock.sleep(299)
        copies.keep("a", 2)
        clock.sleep(299)
        assert copies.find("a") == 2

    def test_of_too_many_the_latest_are_kept(self) -> None:
        copies = Copies[int, int](lasting=FIVE, most=3)
        for number in range(4):
            copies.keep(number, number)
            copies.keep(1, 1)
        assert [copies.find(number) for number in range(4)] == [None, 1, 2, 3]

    def test_what_is_dropped_is_gone(self) -> None:
        copies = Copies[str, int](lasting=FIVE)
        copies.keep("a", 1)
        copies.drop("a")
        copies.drop("b")
        assert copies.find("a") is None

    @pytest.mark.parametrize("nonsense", [{"lasting": timedelta(0)}, {"lasting": FIVE, "most": 0}])
    def test_nonsense_is_refused(self, nonsense: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="copies last"):
            Copies(**nonsense)  # type: ignore[arg-type]  # as above
