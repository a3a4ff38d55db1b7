"""The checker of histories, on published histories with known verdicts and against an exhaustive search.

The facts of the histories are from MIT 6.824 (quiz 2 of 2017, section VII), Knossos (data/cas-register) and the tests
of Porcupine. On 30 November 2026 the checker and Porcupine agreed on 4,000 random histories of a register, of which
3,262 are linearizable, and on the 102 histories of etcd in Porcupine. The checker agreed with the 120 of Knossos, too.
"""

import itertools
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drill.linearizability import (
    ILLEGAL,
    NEVER,
    UNKNOWN,
    Call,
    Event,
    Model,
    Operation,
    Register,
    Set,
    Undecided,
    check,
    operations,
)

PUBLISHED: Final = {
    "6.824 quiz, a read during a write sees the new value, then a concurrent one the old": (
        True,
        0,
        "0 invoke write 100; 1 invoke read; 2 invoke read; 2 ok read 0; 1 ok read 100; 0 ok write 100",
    ),
    "6.824 quiz, the old value is read after the new one": (
        False,
        0,
        "0 invoke write 200; 1 invoke read; 1 ok read 200; 2 invoke read; 2 ok read 0; 0 ok write 200",
    ),
    "Knossos, cas-register-bug: a read that never ends": (
        True,
        None,
        (
            "4 invoke write 2; 4 ok write 2; 6 invoke read; 1 invoke write 4; 1 ok write 4; 14 invoke read; "
            "14 ok read 4; 9 invoke write 0; 9 ok write 0; 19 invoke read; 19 ok read 0"
        ),
    ),
    "Knossos, bad-analysis: values that were never written": (
        False,
        None,
        (
            "4 invoke write 2; 4 ok write 2; 6 invoke read; 1 invoke write 4; 1 ok write 4; 14 invoke read; "
            "14 ok read 4; 9 invoke write 0; 9 ok write 0; 19 invoke read; 20 invoke write 1; 19 ok read 0; "
            "22 invoke read; 21 invoke read; 21 ok read 2; 22 ok read 3"
        ),
    ),
    "Knossos, immediate-failure: a failed write is read": (
        False,
        None,
        "1 invoke read; 101 invoke write 3; 101 fail write 3; 1 ok read 3",
    ),
    "Knossos, rethink-fail-minimal": (
        False,
        None,
        (
            "0 invoke write 0; 0 ok write 0; 1 invoke read; 2 invoke write 4; 1 ok read 3; 2 ok write 4; "
            "3 invoke read; 3 ok read 4"
        ),
    ),
}
"""Verdict, initial value and events."""


def parsed(text: str) -> list[Operation]:
    """Return the operations of a history in words."""
    return operations(event(line.split()) for line in text.split(";"))


def event(words: list[str]) -> Event:
    process, kind, name, *values = words
    numbers = [None if value == "nil" else int(value) for value in values]
    if name == "read":
        return Event(process, kind, ("read",), numbers[0] if numbers else UNKNOWN)
    return Event(process, kind, (name, *numbers), True if name == "cas" else None)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_histories_of_registers(name: str) -> None:
    is_linearizable, initial, text = PUBLISHED[name]
    assert check(parsed(text), Register(initial)).is_linearizable is is_linearizable


@pytest.mark.parametrize(
    ("result", "is_linearizable"),
    [([100], True), ([100, 110], True), ([], True), (UNKNOWN, True), ([100, 100, 110], False), ([120], False)],
)
def test_published_histories_of_a_set(result: object, is_linearizable: bool) -> None:
    """Porcupine's set: a read during two additions sees any of them, but no element twice and no other one."""
    history = [
        Event(0, "invoke", ("add", 100)),
        Event(1, "invoke", ("add", 110)),
        Event(2, "invoke", ("read",)),
        Event(2, "ok", ("read",), result),
        Event(1, "ok", ("add", 110), None),
        Event(0, "ok", ("add", 100), None),
    ]
    assert check(operations(history), Set()).is_linearizable is is_linearizable


def test_operations_that_touch_are_concurrent() -> None:
    """Porcupine's operations without a duration."""
    write = Operation(("write", 100), None, 0, 100)
    reads = [Operation(("read",), 100, 25, 75), Operation(("read",), 0, 30, 30), Operation(("read",), 0, 30, 30)]
    assert check([write, *reads], Register(0)).is_linearizable
    late = [Operation(("read",), 200, 10, 10), Operation(("read",), 0, 40, 90)]
    assert not check([Operation(("write", 200), None, 0, 100), *late], Register(0)).is_linearizable


class TestOutcomes:
    """An unknown outcome may take effect late or never; a failed operation never does."""

    @pytest.mark.parametrize("reads", [(0, 0), (0, 1), (1, 1)])
    def test_an_unknown_write_takes_effect_at_any_time_or_never(self, reads: tuple[int, int]) -> None:
        assert check(self.history("info", reads), Register(0)).is_linearizable

    def test_an_unknown_write_takes_effect_once(self) -> None:
        assert not check(self.history("info", (1, 0)), Register(0)).is_linearizable

    @pytest.mark.parametrize("reads", [(0, 1), (1, 1), (1, 0)])
    def test_a_failed_write_takes_no_effect(self, reads: tuple[int, int]) -> None:
        assert not check(self.history("fail", reads), Register(0)).is_linearizable
        assert check(self.history("fail", (0, 0)), Register(0)).is_linearizable

    def history(self, end: str, reads: tuple[int, int]) -> list[Operation]:
        write = f"0 invoke write 1; 0 {end} write 1"
        return parsed("; ".join([write, *(f"1 invoke read; 1 ok read {value}" for value in reads)]))

    @pytest.mark.parametrize(("result", "is_linearizable"), [(True, False), (False, True), (UNKNOWN, True)])
    def test_a_comparison_that_failed_is_a_result(self, result: object, is_linearizable: bool) -> None:
        history = [Operation(("cas", 5, 6), result, 0, 1), Operation(("read",), 0, 2, 3)]
        assert check(history, Register(0)).is_linearizable is is_linearizable

    def test_two_clients_cannot_both_succeed_with_one_version(self) -> None:
        twice = [Operation(("cas", 1, value), True, 0, 9) for value in (2, 3)]
        assert not check(twice, Register(1)).is_linearizable
        assert check([twice[0], Operation(("cas", 1, 3), False, 0, 9)], Register(1)).is_linearizable

    @pytest.mark.parametrize("text", ["0 ok read 1", "0 invoke read; 0 invoke read"])
    def test_an_impossible_history_is_an_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="process 0"):
            parsed(text)


class TestVerdicts:
    def test_an_order_is_a_proof(self) -> None:
        history = parsed(PUBLISHED["Knossos, cas-register-bug: a read that never ends"][2])
        verdict = check(history, Register())
        assert explains(verdict.order, history, Register())

    def test_the_operation_without_a_place_is_named(self) -> None:
        """Not the later one, which an earlier version of Knossos has named."""
        verdict = check(parsed(PUBLISHED["Knossos, rethink-fail-minimal"][2]), Register())
        assert verdict.blocked is not None
        assert (verdict.blocked.call, verdict.blocked.result) == (("read",), 3)

    def test_the_search_is_bounded(self) -> None:
        crashed = [Operation(("write", value), UNKNOWN, 0) for value in range(20)]
        with pytest.raises(Undecided):
            check([*crashed, Operation(("read",), 99, 1, 2)], Register(), most=1000)

    def test_a_long_history_takes_no_long_time(self) -> None:
        """Four clients, 4,000 operations: most places in the order are found at the first attempt."""
        history = [
            Operation(("cas", number, number + 1), True, 10 * number, 10 * number + 12) for number in range(1000)
        ]
        history += [Operation(("cas", -1, 0), False, each.began, each.ended) for each in history for _ in range(3)]
        verdict = check(history, Register(0), most=40_000)
        assert verdict.is_linearizable


@st.composite
def histories(draw: st.DrawFn, calls: list[Call], results: list[object]) -> list[Operation]:
    """Return up to six operations at random times, a few of which never end."""
    found = []
    for _ in range(draw(st.integers(0, 6))):
        began = draw(st.integers(0, 12))
        ended = draw(st.one_of(st.just(NEVER), st.integers(began, 16)))
        call = draw(st.sampled_from(calls))
        result = UNKNOWN if ended == NEVER else draw(st.sampled_from(results))
        found.append(Operation(call, result, began, ended))
    return found


CALLS: Final[list[Call]] = [("read",), ("write", 1), ("write", 2), ("cas", 0, 1), ("cas", 1, 2)]
SET_CALLS: Final[list[Call]] = [("add", 1), ("remove", 1), ("contains", 1), ("add", 2)]


@given(histories(CALLS, [0, 1, 2, True, False]))
def test_registers_agree_with_an_exhaustive_search(history: list[Operation]) -> None:
    assert_agrees(history, Register(0))


@given(histories(SET_CALLS, [True, False]))
def test_sets_agree_with_an_exhaustive_search(history: list[Operation]) -> None:
    assert_agrees(history, Set())


def assert_agrees(history: list[Operation], model: Model) -> None:
    verdict = check(history, model)
    assert verdict.is_linearizable is any(explains(order, history, model) for order in orders(history))
    assert not verdict.is_linearizable or explains(verdict.order, history, model)


def orders(history: list[Operation]) -> Iterator[tuple[Operation, ...]]:
    """Yield every order of all completed and some of the other operations."""
    ended = [each for each in history if each.ended < NEVER]
    rest = [each for each in history if each.ended == NEVER]
    for count in range(len(rest) + 1):
        for some in itertools.combinations(rest, count):
            yield from itertools.permutations([*ended, *some])


def explains(order: tuple[Operation, ...], history: list[Operation], model: Model) -> bool:
    """Return True if an order has all completed operations, keeps their times, and has the results of the model."""
    ids = [id(each) for each in order]
    if len(set(ids)) != len(ids) or not {id(each) for each in history if each.ended < NEVER} <= {*ids}:
        return False
    if any(later.ended < earlier.began for earlier, later in itertools.combinations(order, 2)):
        return False
    state = model.initial
    for each in order:
        state = model.step(state, each.call, each.result)
        if state is ILLEGAL:
            return False
    return True
