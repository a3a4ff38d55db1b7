"""The specifications of the service's objects, on forged histories."""

import json

import pytest

from tests.drill.http_client import Answer
from tests.drill.linearizability import NEVER, UNKNOWN, Model, Operation, Register, check
from tests.drill.recorded import Chain, History, Key, Session

UNSURE = {"instance": "/v1/tasks", "detail": "The service may have applied the change."}


def is_linearizable(model: Model, *steps: tuple[str, object]) -> bool:
    """Return the verdict on operations one after the other, such as ``("refresh a", "b")``."""
    history = [
        Operation(tuple(call.split()), result, 2 * number, NEVER if result is UNKNOWN else 2 * number + 1)
        for number, (call, result) in enumerate(steps)
    ]
    return check(history, model).is_linearizable


class TestKeys:
    @pytest.mark.parametrize(
        "steps",
        [
            [("create", "tasks/1"), ("create", "tasks/1"), ("read", "tasks/1")],
            [("read", None), ("create", UNKNOWN), ("read", None), ("read", "tasks/1"), ("create", "tasks/1")],
            [("create", UNKNOWN), ("read", None)],
        ],
    )
    def test_one_task_for_each_key(self, steps: list[tuple[str, object]]) -> None:
        assert is_linearizable(Key(), *steps)

    @pytest.mark.parametrize(
        "steps",
        [
            [("create", "tasks/1"), ("create", "tasks/2")],
            [("create", "tasks/1"), ("read", None)],
            [("create", UNKNOWN), ("read", "tasks/1"), ("create", "tasks/2")],
            [("create", UNKNOWN), ("read", "tasks/1"), ("read", None)],
            [("read", "tasks/1"), ("create", "tasks/1")],
        ],
    )
    def test_other_histories(self, steps: list[tuple[str, object]]) -> None:
        """A second task, a lost task, and a task that exists before it is requested."""
        assert not is_linearizable(Key(), *steps)


class TestSessions:
    @pytest.mark.parametrize(
        "steps",
        [
            [("refresh a", "b"), ("refresh b", "c")],
            [("refresh a", UNKNOWN), ("refresh a", "c"), ("refresh c", "d")],
            [("refresh a", "b"), ("refresh a", "c"), ("refresh b", None), ("refresh c", "d")],
            [("refresh a", "b"), ("refresh b", "c"), ("refresh a", None), ("refresh c", None)],
            [("refresh a", "b"), ("refresh a", "c"), ("refresh c", "d"), ("refresh b", None), ("refresh d", None)],
        ],
    )
    def test_the_rules_of_a_session(self, steps: list[tuple[str, object]]) -> None:
        """The last two end it: a token is repeated after its successor was used."""
        assert is_linearizable(Session(Chain("a")), *steps)

    @pytest.mark.parametrize(
        "steps",
        [
            [("refresh a", None)],
            [("refresh a", UNKNOWN), ("refresh a", None)],
            [("refresh a", "b"), ("refresh b", "c"), ("refresh a", "d")],
            [("refresh a", "b"), ("refresh a", "c"), ("refresh b", "d")],
            [("refresh a", "b"), ("refresh b", "c"), ("refresh a", None), ("refresh c", "d")],
        ],
    )
    def test_other_histories(self, steps: list[tuple[str, object]]) -> None:
        """A good token is rejected, one is used twice, and a session goes on after its end."""
        assert not is_linearizable(Session(Chain("a")), *steps)


class TestHistories:
    def answer(self, status: int, **document: object) -> Answer:
        return Answer(status, b"", json.dumps(document).encode(), 1.0, 2.0)

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Answer(200, b"", b"", 1.0, 2.0), [Operation(("write", 1), True, 1.0, 2.0)]),
            (Answer(0, b"", b"reset", 1.0, 2.0), [Operation(("write", 1), UNKNOWN, 1.0)]),
            (Answer(404, b"", b"{}", 1.0, 2.0), []),
        ],
    )
    def test_outcomes(self, answer: Answer, expected: list[Operation]) -> None:
        history = History("h", Register())
        history.add(("write", 1), answer, True)
        assert history.operations == expected

    def test_a_503_with_and_without_a_known_outcome(self) -> None:
        history = History("h", Register())
        history.add(("write", 1), self.answer(503, instance="/v1/tasks", detail="Nothing was done."), None)
        assert history.operations == []
        history.add(("write", 1), self.answer(503, **UNSURE), None)
        assert history.unknown == 1

    def test_a_contradiction_names_the_operation(self) -> None:
        history = History("task", Register(0))
        assert history.contradiction() == ""
        history.add(("read",), self.answer(200), 5)
        assert history.contradiction() == "task: read → 5, begun at 0.000 s, has no place in any order"
