"""Counts are values; a rule over them is created once."""

import pytest

from app.resilience.breaker_counts import MOSTLY_FAILS, Counts, fails_at


class TestCounts:
    def test_ok(self) -> None:
        assert Counts().requested().succeeded().requested().succeeded() == Counts(2, 2, 0, 2, 0)

    def test_a_failure_ends_a_run_of_successes_and_vice_versa(self) -> None:
        assert Counts(9, 2, 3, 2, 0).failed() == Counts(9, 2, 4, 0, 1)
        assert Counts(9, 2, 3, 0, 3).succeeded() == Counts(9, 3, 3, 1, 0)


class TestFailing:
    @pytest.mark.parametrize(
        ("requests", "failures", "trips"),
        [(19, 19, False), (20, 11, False), (20, 12, True), (20, 20, True), (100, 59, False), (100, 60, True)],
    )
    def test_ok(self, requests: int, failures: int, trips: bool) -> None:
        assert MOSTLY_FAILS(Counts(requests, requests - failures, failures)) is trips

    @pytest.mark.parametrize(("share", "least"), [(0, 20), (-0.1, 20), (1.1, 20), (float("nan"), 20), (0.5, 0)])
    def test_invalid_arguments_are_rejected(self, share: float, least: int) -> None:
        with pytest.raises(ValueError, match="a share is within"):
            fails_at(share, min_requests=least)
