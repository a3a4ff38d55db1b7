"""Ask an API all rules, in order."""

from collections.abc import Iterable, Sequence

from tests.conformance import rules as _rules  # noqa: F401 -- importing them enters them
from tests.conformance.api import Api
from tests.conformance.profile import Profile
from tests.conformance.rule import CONTRACT_NAME, RULES, Level, Rule, Verdict
from tests.conformance.wire import Server


def chosen(profile: Profile, only: Sequence[str] = ()) -> list[Rule]:
    """Return the rules to ask, those that judge the whole run last; ``only`` names ids, or what they begin with."""
    asked: Iterable[Rule] = RULES.values()
    if profile.contract != CONTRACT_NAME:
        asked = (rule for rule in asked if rule.level is not Level.CONTRACT)
    named = [
        rule for rule in asked if not only or any(rule.id == each or rule.id.startswith(f"{each}.") for each in only)
    ]
    return sorted(named, key=lambda rule: rule.is_last)


def judge(url: str, profile: Profile, only: Sequence[str] = (), *, server: type[Server] = Server) -> list[Verdict]:
    """Return what an API does about every rule, general ones first. Raises: ProfileError: it cannot be used so."""
    api = Api(server.at(url, profile.ca_file), profile)
    api.check()
    verdicts = [rule.ask(api) for rule in chosen(profile, only)]
    order = list(RULES)
    return sorted(verdicts, key=lambda each: (each.rule.level is Level.CONTRACT, order.index(each.rule.id)))
