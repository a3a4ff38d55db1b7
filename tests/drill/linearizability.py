"""Check if a history of one object is linearizable: Wing and Gong's search with Lowe's memoized configurations.

Sources: J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993); G. Lowe, "Testing for linearizability"
(2017). A configuration is the set of operations that have a place in the order, and the state after them. One that was
visited before is not visited again. Objects are checked one at a time, because linearizability is local.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

MOST_CONFIGURATIONS: Final = 2_000_000
"""About 400 MB. A history that needs more has too many operations with unknown outcomes at the same time."""
NEVER: Final = float("inf")


class Undecided(Exception):
    """The search has visited more configurations than permitted."""


class Outcome(Enum):
    """The end of an operation, as in Jepsen's histories."""

    OK = "ok"
    FAIL = "fail"
    """It certainly had no effect."""
    INFO = "info"
    """It had its effect at any time after its beginning, or never will."""


class Special(Enum):
    """Values that no object has."""

    UNKNOWN = auto()
    """The result of an operation whose client did not receive it."""
    ILLEGAL = auto()
    """``Model.step`` returns this for a result that is impossible in a state."""


UNKNOWN: Final = Special.UNKNOWN
ILLEGAL: Final = Special.ILLEGAL
State = Hashable
Call = tuple[object, ...]
"""The name of an operation and its arguments."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that may have had an effect; times are of one clock, in any unit."""

    call: Call
    result: object
    began: float
    ended: float = NEVER
    """``NEVER`` for an unknown outcome."""
    process: object = None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a published history; the position in the history is its time."""

    process: object
    kind: str
    """``invoke`` or a value of ``Outcome``."""
    call: Call
    result: object = UNKNOWN


class Model(Protocol):
    """A sequential specification."""

    @property
    def initial(self) -> State:
        """The state before the first operation."""

    def step(self, state: State, call: Call, result: object) -> State:
        """Return the state after an operation with this result, or ``ILLEGAL``; the result may be ``UNKNOWN``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a search."""

    order: tuple[Operation, ...]
    """An order that explains the history; if there is none, the longest order that the search has found."""
    blocked: Operation | None = None
    """The operation for which that longest order has no place. ``None`` for a linearizable history."""

    @property
    def is_linearizable(self) -> bool:
        """Return True if the order explains the whole history."""
        return self.blocked is None


@dataclass(frozen=True, slots=True)
class Register:
    """``("read",)``, ``("write", value)`` and ``("cas", old, new)``; the result of ``cas`` is whether it was done."""

    initial: State = None

    def step(self, state: State, call: Call, result: object) -> State:
        """See ``Model``."""
        if call[0] == "write":
            return call[1]
        if call[0] == "read":
            return state if result is UNKNOWN or result == state else ILLEGAL
        name, old, new = call
        assert name == "cas"
        is_done = state == old
        if result is not UNKNOWN and result != is_done:
            return ILLEGAL
        return new if is_done else state


@dataclass(frozen=True, slots=True)
class Set:
    """``("add", e)``, ``("remove", e)``, ``("contains", e)`` and ``("read",)``.

    The result of ``read`` is a sequence: an element that it contains twice is illegal. The result of ``add`` and
    ``remove`` is whether they changed the set, or ``None``, which is possible in any state.
    """

    initial: State = frozenset()

    def step(self, state: State, call: Call, result: object) -> State:
        """See ``Model``."""
        assert isinstance(state, frozenset)
        if call[0] == "read":
            if result is UNKNOWN:
                return state
            assert isinstance(result, Sequence)
            return state if len(result) == len(state) and state == {*result} else ILLEGAL
        name, element = call
        has, is_free = element in state, result is UNKNOWN or result is None
        if name == "contains":
            return state if is_free or result == has else ILLEGAL
        following = state | {element} if name == "add" else state - {element}
        return following if is_free or result == (following != state) else ILLEGAL


def operations(history: Iterable[Event]) -> list[Operation]:
    """Return the operations of a history that may have had an effect.

    A process has one operation at a time. One without an end has an unknown outcome.

    Raises:
        ValueError: a process ends an operation that it has not begun, or begins a second one.
    """
    running: dict[object, tuple[float, Event]] = {}
    found: list[Operation] = []
    for time, event in enumerate(history):
        if event.kind == "invoke":
            if event.process in running:
                raise ValueError(f"process {event.process} begins an operation during another, at {time}")
            running[event.process] = (time, event)
            continue
        if event.process not in running:
            raise ValueError(f"process {event.process} ends an operation that it has not begun, at {time}")
        began, first = running.pop(event.process)
        outcome = Outcome(event.kind)
        if outcome is Outcome.OK:
            found.append(Operation(first.call, event.result, began, time, event.process))
        elif outcome is Outcome.INFO:
            found.append(Operation(first.call, UNKNOWN, began, process=event.process))
    found += [Operation(first.call, UNKNOWN, began, process=process) for process, (began, first) in running.items()]
    return found


def check(history: Iterable[Operation], model: Model, *, most: int = MOST_CONFIGURATIONS) -> Verdict:
    """Return whether the operations on one object have an order that explains all results.

    An operation that ends before another begins comes before it. Operations that touch at one instant are concurrent.

    Args:
        history: the operations, in any order, without those that certainly had no effect.
        model: the object's sequential specification.
        most: the number of configurations after which the search gives up.

    Raises:
        Undecided: the search has given up.
    """
    return _Search(list(history), model).run(most)


class _Search:
    """The entries of the history are a doubly linked list, from which operations with a place are lifted."""

    def __init__(self, done: list[Operation], model: Model) -> None:
        self._operations, self._model = done, model
        entries = [(each.began, False, number) for number, each in enumerate(done)]
        entries += [(each.ended, True, number) for number, each in enumerate(done) if each.ended < NEVER]
        entries.sort()
        self._is_end = [False, *(is_end for _, is_end, _ in entries)]
        self._operation = [-1, *(number for _, _, number in entries)]
        self._end = {number: place for place, (_, is_end, number) in enumerate(entries, 1) if is_end}
        self._after = [*range(1, len(entries) + 1), 0]
        self._before = [len(entries), *range(len(entries))]

    def run(self, most: int) -> Verdict:
        """Search depth first."""
        state, placed, missing = self._model.initial, 0, len(self._end)
        seen: set[tuple[int, State]] = set()
        path: list[tuple[int, State]] = []
        longest: tuple[Operation, ...] = ()
        blocked = -1
        entry = self._after[0]
        while missing:
            if not self._is_end[entry]:
                number = self._operation[entry]
                operation = self._operations[number]
                following = self._model.step(state, operation.call, operation.result)
                configuration = (placed | 1 << number, following)
                if following is not ILLEGAL and configuration not in seen:
                    if len(seen) >= most:
                        raise Undecided(f"more than {most:,} configurations of {len(self._operations):,} operations")
                    seen.add(configuration)
                    path.append((entry, state))
                    self._lift(entry)
                    placed, state, entry = placed | 1 << number, following, self._after[0]
                    missing -= number in self._end
                    continue
            else:  # this operation ends before all that follow begin, and has no place in the order
                if len(path) > len(longest) or blocked < 0:
                    longest, blocked = self._order(path), self._operation[entry]
                if not path:
                    return Verdict(longest, self._operations[blocked])
                entry, state = path.pop()
                self._put_back(entry)
                number = self._operation[entry]
                placed ^= 1 << number
                missing += number in self._end
            entry = self._after[entry]
        return Verdict(self._order(path))

    def _order(self, path: list[tuple[int, State]]) -> tuple[Operation, ...]:
        return tuple(self._operations[self._operation[entry]] for entry, _ in path)

    def _lift(self, entry: int) -> None:
        for each in (entry, self._end.get(self._operation[entry], 0)):
            if each:
                before, after = self._before[each], self._after[each]
                self._after[before], self._before[after] = after, before

    def _put_back(self, entry: int) -> None:
        for each in (self._end.get(self._operation[entry], 0), entry):
            if each:
                self._after[self._before[each]] = self._before[self._after[each]] = each
