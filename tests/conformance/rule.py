"""A rule: an id, a sentence, a source, and a small function that passes, fails or does not apply."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tests.conformance.wire import Answer, Hangup, Nonsense, Silence

if TYPE_CHECKING:
    from tests.conformance.api import Api

CONTRACT_NAME: Final = "candor"


class Level(StrEnum):
    """The keyword of the source."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MEANS = "means"
    """The RFC defines a status, a field or a text, without a keyword: a violation is a false statement."""
    CONTRACT = "contract"
    """A promise of Candor, beyond the RFCs."""


class Result(StrEnum):
    """The result of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Failed(Exception):
    """The rule is broken; the message is the observation."""


class NotApplicable(Exception):
    """The rule needs something that the API or its profile does not offer; the message names it."""


Check = Callable[["Api"], str]


@dataclass(frozen=True)
class Rule:
    """A rule for any API."""

    id: str
    sentence: str
    source: str
    level: Level
    check: Check
    is_last: bool = False
    """True if it judges all responses of the run, therefore after all other rules."""

    def judge(self, api: "Api") -> "Verdict":
        """Return the verdict on an API."""
        api.rule_id = self.id
        try:
            return Verdict(self, Result.PASSED, self.check(api))
        except Failed as failed:
            return Verdict(self, Result.FAILED, str(failed))
        except NotApplicable as reason:
            return Verdict(self, Result.NOT_APPLICABLE, str(reason))
        except Silence:
            return Verdict(self, Result.FAILED, "no answer in time")
        except Hangup:
            return Verdict(self, Result.FAILED, "the connection was closed without an answer")
        except (Nonsense, ValueError) as nonsense:
            return Verdict(self, Result.FAILED, f"an answer that cannot be read: {nonsense}")
        except OSError as error:
            return Verdict(self, Result.FAILED, f"no connection: {error}")


@dataclass(frozen=True)
class Verdict:
    """The result of a rule, and the observation."""

    rule: Rule
    result: Result
    seen: str


RULES: Final[dict[str, Rule]] = {}


def rule(
    name: str, sentence: str, *, source: str, level: Level = Level.MUST, is_last: bool = False
) -> Callable[[Check], Check]:
    """Enter a function as a rule. Raises: ValueError: the id is taken."""

    def decorate(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"{name} names two rules")
        RULES[name] = Rule(name, sentence, source, level, check, is_last)
        return check

    return decorate


def expect(holds: object, seen: str) -> None:
    """Fail the rule unless it holds. Raises: Failed."""
    if not holds:
        raise Failed(seen)


def answered(answer: Answer, *statuses: int, to: str = "") -> str:
    """Fail the rule unless the response has one of the statuses; return the observation. Raises: Failed."""
    seen = f"{to}: {answer.line}" if to else answer.line
    expect(answer.status in statuses, seen)
    return seen


def rejected(answer: Answer, *, to: str = "") -> str:
    """Fail the rule unless the response is a client error; return the observation. Raises: Failed."""
    return answered(answer, *range(400, 500), to=to)


def unless_broken(answer: Answer, *, to: str = "") -> str:
    """Fail the rule when the response is a server error; return the observation. Raises: Failed."""
    return answered(answer, *range(200, 500), 501, to=to)


def only_if(applies: object, otherwise: str) -> None:
    """Continue only if the rule applies. Raises: NotApplicable."""
    if not applies:
        raise NotApplicable(otherwise)
