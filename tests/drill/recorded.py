"""Histories of objects of the service, recorded by its clients, and their sequential specifications.

A 4xx and a definite 503 had no effect and are left out. A 412 is a result: the version was another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.drill.http_client import Answer
from tests.drill.linearizability import ILLEGAL, NEVER, UNKNOWN, Call, Model, Operation, State, check
from tests.drill.verdicts import Outcome, outcome


@dataclass(frozen=True, slots=True)
class Key:
    """A creation with a key: ``("create",)`` returns the name of the one task, ``("read",)`` its name or ``None``."""

    initial: State = None

    def step(self, state: State, call: Call, result: object) -> State:
        """See ``Model``. The state is the name; ``UNKNOWN`` is a task whose name no client knows yet."""
        if call[0] == "create":
            if result is UNKNOWN:
                return state or UNKNOWN
            return result if state in (None, UNKNOWN, result) else ILLEGAL
        if state is UNKNOWN and result is not None:
            return result
        return state if result in (state, UNKNOWN) else ILLEGAL


@dataclass(frozen=True, slots=True)
class Chain:
    """The refresh tokens of a session after some refreshes."""

    current: object
    """The token that has not been used. ``UNKNOWN``: no client has received it."""
    previous: object = None
    """The token in whose place the current one was issued. It may be sent again."""
    superseded: frozenset[object] = frozenset()
    """Unused tokens in whose place the current one was issued. They are rejected, without further effects."""
    has_ended: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """``("refresh", token)`` returns the next token, or ``None`` when it was rejected. It lasts less than a minute."""

    initial: Chain

    def step(self, state: State, call: Call, result: object) -> State:
        """See ``Model``, and ``app.services.sessions`` for the rules."""
        assert isinstance(state, Chain)
        _, token = call
        is_new, is_repeated = token == state.current, token == state.previous
        if not state.has_ended and (is_new or is_repeated):
            if result is None:
                return ILLEGAL
            if is_new:
                return Chain(result, token)
            return Chain(result, token, state.superseded | {state.current})
        if result is not None and result is not UNKNOWN:
            return ILLEGAL
        return state if token in state.superseded else replace(state, has_ended=True)


@dataclass
class History:
    """The operations on one object."""

    name: str
    model: Model
    operations: list[Operation] = field(default_factory=list)

    def add(self, call: Call, answer: Answer, result: object, *, statuses: Sequence[int] = (200, 201)) -> None:
        """Record a request.

        Args:
            call: the operation.
            answer: the response.
            result: the result that the response contains, if it has one of the statuses.
            statuses: those of responses with a result.
        """
        if answer.status in statuses:
            self.operations.append(Operation(call, result, answer.began, answer.ended))
        elif outcome(answer) is Outcome.UNKNOWN:
            self.operations.append(Operation(call, UNKNOWN, answer.began))

    @property
    def unknown(self) -> int:
        """Return the number of operations with an unknown outcome."""
        return sum(each.ended == NEVER for each in self.operations)

    def contradiction(self) -> str:
        """Return why the history is not linearizable, or an empty string. Raises: Undecided."""
        blocked = check(self.operations, self.model).blocked
        if blocked is None:
            return ""
        at = blocked.began - min(each.began for each in self.operations)
        words = " ".join(map(str, blocked.call))
        return f"{self.name}: {words} → {blocked.result}, begun at {at:.3f} s, has no place in any order"
