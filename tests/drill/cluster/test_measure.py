"""The measurement of outages, on forged times."""

import pytest

from tests.drill.cluster.measure import Trial, failed_later, markdown, outage, targets_missed
from tests.drill.cluster.oracle import Acknowledged, parsed
from tests.drill.cluster.probe import Probe
from tests.drill.history import Findings


class TestOutages:
    def test_the_longest_gap(self) -> None:
        found = outage([1, 2, 3, 7, 8, 10], since=2.5, until=10.5)
        assert (found.began, found.ended, found.seconds) == (3, 7, 4)

    def test_a_gap_begins_with_the_last_acknowledgement_before_the_fault(self) -> None:
        assert outage([0, 1, 9], since=2, until=10).seconds == 8

    def test_earlier_gaps_do_not_count(self) -> None:
        assert outage([0, 50, 51, 52], since=51.5, until=53).seconds == 1

    def test_a_gap_without_an_end_lasts_until_the_end(self) -> None:
        assert outage([1, 2], since=2, until=30).seconds == 28

    def test_nothing_was_acknowledged(self) -> None:
        assert outage([], since=5, until=9).seconds == 4


def test_the_share_of_later_failures() -> None:
    probes = [Probe("get", began, began + 1, is_good) for began, is_good in [(1, False), (3, True), (4, False)]]
    assert failed_later(probes, since=2, until=10) == 0.5
    assert failed_later(probes, since=5, until=10) == 0


def test_the_output_of_the_oracle_without_an_incomplete_line() -> None:
    assert parsed("17 1.5 2.5\n18 2.0 3") == [Acknowledged(17, 1.5, 2.5)]


def trial(*, service: float = 4.0, later: float = 0.0, way: str = "hosts", findings: Findings | None = None) -> Trial:
    return Trial("switchover", way, 3.0, service, later, 0.25, 1, findings or Findings())


class TestTargets:
    def test_they_are_met(self) -> None:
        assert targets_missed([trial(service=3.5), trial(service=4.0), trial(service=5.0)]) == []

    @pytest.mark.parametrize(
        ("trials", "words"),
        [
            ([trial(service=4.5)], "switchover: back 1.5 s after the oracle (median), not 1"),
            (
                [trial(service=3), trial(service=3), trial(service=5.5)],
                "switchover: back 2.5 s after the oracle (worst), not 2",
            ),
            ([trial(later=0.02)], "switchover: 2.0% of the requests failed later, not 1%"),
        ],
    )
    def test_they_are_missed(self, trials: list[Trial], words: str) -> None:
        assert targets_missed(trials) == [words]

    def test_other_ways_have_none(self) -> None:
        assert targets_missed([trial(service=30, way="haproxy")]) == []


class TestTrials:
    def test_a_lost_write_and_an_improper_response_are_not_correct(self) -> None:
        assert trial().is_correct
        assert not trial(findings=Findings(lost=["a"])).is_correct
        assert not Trial("switchover", "hosts", 3, 3, 0, 0, failures=("get: 500 INTERNAL_ERROR",)).is_correct

    def test_the_table_has_the_median_and_the_worst(self) -> None:
        table = markdown([trial(service=3.5), trial(), trial(service=6)], {"hosts": "libpq host list"})
        outages = "3.0 s (3.0) | 4.0 s (6.0) | 1.0 s (3.0)"
        last = f"| `switchover` | libpq host list | 3 | {outages} | 0.0% | 25.0% | 3 | 0 | 0 |"
        assert table.splitlines()[-1] == last
