"""The checker of writes finds the errors in forged histories."""

import pytest

from tests.drill.history import Creation, Row, Update, examine, settled
from tests.drill.http_client import Answer
from tests.drill.verdicts import Outcome

A = Creation("a", Outcome.ACKNOWLEDGED, "tasks/1")
B = Creation("b", Outcome.REJECTED, code="VALIDATION_FAILED")
C = Creation("c", Outcome.UNKNOWN)
ROW = Row("tasks/1", "a", None, 1)


def answer_with(status: int, body: bytes = b"{}") -> Answer:
    return Answer(status, b"", body, 0, 0)


class TestCreations:
    def test_consistent_histories_are_clean(self) -> None:
        assert examine([A, B, C], [], [ROW]).is_clean
        assert examine([A, B, C], [], [ROW, Row("tasks/2", "c", None, 1)]).is_clean, "unknown: once or not at all"

    def test_a_lost_write_is_found(self) -> None:
        assert examine([A], [], []).lost == ["a, acknowledged as tasks/1"]

    def test_an_acknowledgement_of_another_row_is_a_loss(self) -> None:
        """The row exists, but it is not the acknowledged one."""
        assert examine([A], [], [Row("tasks/9", "a", None, 1)]).lost == ["a, acknowledged as tasks/1"]

    @pytest.mark.parametrize("creation", [A, C])
    def test_a_duplicate_is_found(self, creation: Creation) -> None:
        """Of an acknowledged creation, and of one with an unknown outcome."""
        twice = [Row("tasks/1", creation.title, None, 1), Row("tasks/2", creation.title, None, 1)]
        assert examine([creation], [], twice).doubled == [f"{creation.title}, 2 times"]

    def test_a_unique_title_that_is_taken_was_sent_twice(self) -> None:
        """The index rejects the second copy, and the response shows that."""
        taken = Creation("a", Outcome.REJECTED, code="TASK_TITLE_TAKEN")
        found = examine([taken], [], [ROW])
        assert found.doubled == ["a, taken before it was requested"]
        assert found.risen == []

    def test_a_rejected_write_that_is_stored_is_found(self) -> None:
        """A 4xx is a promise."""
        assert examine([B], [], [Row("tasks/2", "b", None, 1)]).risen == ["b, rejected by VALIDATION_FAILED"]

    def test_a_row_that_no_client_requested_is_found(self) -> None:
        assert examine([], [], [ROW]).risen == ["a, which no client requested"]


class TestUpdates:
    def test_consistent_histories_are_clean(self) -> None:
        first = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        open_, stale = Update("tasks/1", "y", Outcome.UNKNOWN), Update("tasks/1", "z", Outcome.REJECTED)
        assert examine([A], [first, open_, stale], [Row("tasks/1", "a", "x", 2)]).is_clean
        assert examine([A], [first, open_, stale], [Row("tasks/1", "a", "y", 3)]).is_clean

    def test_a_lost_update_is_found(self) -> None:
        """Two clients get version 2."""
        both = [Update("tasks/1", text, Outcome.ACKNOWLEDGED, 2) for text in "xy"]
        lost = examine([A], both, [Row("tasks/1", "a", "y", 2)]).lost
        assert "tasks/1: version 2 was acknowledged to 2 clients" in lost
        assert "tasks/1 is at version 2, after 2 acknowledged updates" in lost

    def test_an_update_that_went_back_is_found(self) -> None:
        """Acknowledged as version 2, and gone after a crash."""
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert examine([A], [update], [ROW]).lost == ["tasks/1 is at version 1, after 1 acknowledged updates"]

    def test_an_update_of_something_that_is_gone_is_found(self) -> None:
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert "x of tasks/1, which is gone" in examine([A], [update], []).lost

    def test_an_update_with_another_text_is_found(self) -> None:
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert examine([A], [update], [Row("tasks/1", "a", "y", 2)]).lost == ["tasks/1: version 2 contains y, not x"]

    def test_an_update_done_twice_is_found(self) -> None:
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert examine([A], [update], [Row("tasks/1", "a", "x", 3)]).doubled == [
            "tasks/1 is at version 3, after at most 1 updates"
        ]

    def test_a_rejected_update_that_is_stored_is_found(self) -> None:
        first, stale = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2), Update("tasks/1", "z", Outcome.REJECTED)
        assert examine([A], [first, stale], [Row("tasks/1", "a", "z", 2)]).risen == ["tasks/1: z, rejected"]


class TestSettled:
    def test_one_acknowledgement_settles_it(self) -> None:
        assert settled([answer_with(503), answer_with(201)]) is Outcome.ACKNOWLEDGED

    def test_rejections_alone_settle_a_rejection(self) -> None:
        assert settled([answer_with(400, b'{"code": "VALIDATION_FAILED"}')]) is Outcome.REJECTED

    def test_one_open_end_leaves_it_open(self) -> None:
        assert settled([answer_with(503), answer_with(400, b'{"code": "VALIDATION_FAILED"}')]) is Outcome.UNKNOWN

    def test_one_that_still_runs_may_yet_succeed(self) -> None:
        assert settled([answer_with(409, b'{"code": "IDEMPOTENCY_IN_PROGRESS"}')]) is Outcome.UNKNOWN
