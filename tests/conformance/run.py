"""Judges an API by all rules, in order."""

from collections.abc import Iterable, Sequence

from tests.conformance import rules as _rules  # noqa: F401 -- importing them enters them
from tests.conformance.api import Api
from tests.conformance.profile import Profile
from tests.conformance.rule import CONTRACT_NAME, RULES, Level, Rule, Verdict
from tests.conformance.wire import Server


def chosen(profile: Profile, only: Sequence[str] = ()) -> list[Rule]:
    """Return the selected rules, those that judge the whole run last; ``only`` has ids, or prefixes of ids."""
    asked: Iterable[Rule] = RULES.values()
    if profile.contract != CONTRACT_NAME:
        asked = (rule for rule in asked if rule.level is not Level.CONTRACT)
    named = [
        rule for rule in asked if not only or any(rule.id == each or rule.id.startswith(f"{each}.") for each in only)
    ]
    return sorted(named, key=lambda rule: rule.is_last)


def judge(url: str, profile: Profile, only: Sequence[str] = (), *, server: type[Server] = Server) -> list[Verdict]:
    """Return the verdicts of all rules, general ones first. Raises: ProfileError: the profile cannot be used."""
    api = Api(server.at(url, profile.ca_file), profile)
    api.check()
    verdicts = [rule.judge(api) for rule in chosen(profile, only)]
    order = list(RULES)
    return sorted(verdicts, key=lambda each: (each.rule.level is Level.CONTRACT, order.index(each.rule.id)))
