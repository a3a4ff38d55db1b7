"""The conformance suite through a proxy, with the rules that a proxy breaks before its configuration applies."""

from typing import Final

import pytest

from tests.conformance import report
from tests.conformance.profile import Profile
from tests.conformance.rule import Result, Verdict
from tests.conformance.run import judge
from tests.proxies.programs import RunningProxy
from tests.proxies.results import Results

SOME: Final = (
    *("M01", "M05", "F02", "F04", "F08", "F12", "F14", "P01", "P05", "P13", "L03", "L06", "N01", "A01", "J01"),
    *("W03", "W12", "W13", "C1", "C4", "C9a", "C16", "C17", "C20", "C21", "C24"),
)
"""Rules that depend on a proxy more than others: framing, connections, entity tags, limits, request IDs."""


def test_rules_that_depend_on_a_proxy(proxy: RunningProxy, profile: Profile) -> None:
    verdicts = judge(proxy.url, profile, SOME)
    assert described(report.broken(profile, verdicts)) == []
    assert sum(each.result is Result.PASSED for each in verdicts) > len(SOME)


@pytest.mark.nightly
def test_all_rules(proxy: RunningProxy, profile: Profile, results: Results) -> None:
    verdicts = results.verdicts = judge(proxy.url, profile)
    assert described(report.broken(profile, verdicts)) == []
    failed = {each.rule.id for each in verdicts if each.result is Result.FAILED}
    assert failed == set(profile.deviations), "a deviation that no longer exists"


def described(verdicts: list[Verdict]) -> list[str]:
    """Return failed rules with their observations."""
    return [f"{each.rule.id} ({each.rule.level}): {each.rule.sentence} {each.seen}" for each in verdicts]
