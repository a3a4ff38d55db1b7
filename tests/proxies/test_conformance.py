"""The conformance suite through a proxy, with the rules that a proxy breaks before its configuration applies."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.conformance import report
from tests.conformance.profile import Profile
from tests.conformance.rule import Result, Verdict
from tests.conformance.run import judge
from tests.proxies.programs import NAME, RunningProxy
from tests.proxies.results import Results

PROFILE: Final = Path(__file__).parents[1] / "conformance" / "profiles" / "candor.toml"
SOME: Final = (
    *("M01", "M05", "F02", "F04", "F08", "F12", "F14", "P01", "P05", "P13", "L03", "L06", "N01", "A01", "J01"),
    *("W03", "W12", "W13", "C1", "C4", "C9a", "C16", "C17", "C20", "C21", "C24"),
)
"""Rules that depend on a proxy more than others: framing, connections, entity tags, limits, request IDs."""

PARSER: Final = "HAProxy's parser rejects malformed HTTP with a fixed page, before the configuration applies"
GO: Final = "the HTTP parser of Go rejects malformed HTTP with a fixed text, before the configuration applies"
KNOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "apache": {
        "F07": "Apache rejects unknown transfer codings with 500",
        "W14": "Apache joins folded lines, as RFC 9112 allows",
        "W15": "Apache rejects a NUL in a path as an unknown route",
    },
    "caddy": {
        **dict.fromkeys(("U01", "W14", "C1.1", "C1.3", "C4.1", "C4.2", "C16.2"), GO),
        "L02": "the HTTP parser of Go rejects an empty line before the request line",
        "T07": "the HTTP parser of Go accepts a fragment in a target, and sends it on as a part of the path",
    },
    "envoy": {
        **dict.fromkeys(("M12", "W02"), "Envoy's parser rejects unknown methods with 400"),
        "F07": "Envoy's parser rejects unknown transfer codings with 400",
        "W14": "Envoy's parser joins folded lines, as RFC 9112 allows",
    },
    "haproxy": {
        **dict.fromkeys(("U01", "W14", "C1.1", "C1.3", "C4.1", "C4.2"), PARSER),
        "F07": "HAProxy's parser rejects unknown transfer codings with 422",
    },
}
"""The rules that a proxy breaks, and the reasons."""


@pytest.fixture(scope="module")
def profile(token: Callable[..., str]) -> Profile:
    """Return the profile of the service, with the known deviations of the proxy."""
    read = Profile.read(PROFILE, fetches_tokens=False)
    return replace(
        read,
        token=token("conformance", "tasks"),
        token_without_scope=token("conformance", "other:read"),
        deviations=KNOWN.get(NAME, {}),
    )


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
