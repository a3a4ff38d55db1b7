"""The judge of writes finds what forged histories hide in them: a checker that cannot fail is none."""

import pytest

from tests.drill.history import Creation, Row, Update, examine, settled
from tests.drill.http_client import Answer
from tests.drill.verdicts import Outcome

A = Creation("a", Outcome.ACKNOWLEDGED, "tasks/1")
B = Creation("b", Outcome.REFUSED, code="VALIDATION_FAILED")
C = Creation("c", Outcome.UNKNOWN)
ROW = Row("tasks/1", "a", None, 1)


def told(status: int, body: bytes = b"{}") -> Answer:
    return Answer(status, b"", body, 0, 0)


class TestCreations:
    def test_what_fits_together_is_clean(self) -> None:
        assert examine([A, B, C], [], [ROW]).is_clean
        assert examine([A, B, C], [], [ROW, Row("tasks/2", "c", None, 1)]).is_clean, "unknown: once or not at all"

    def test_a_lost_write_is_found(self) -> None:
        assert examine([A], [], []).lost == ["a, acknowledged as tasks/1"]

    def test_an_acknowledgement_of_another_row_is_a_loss(self) -> None:
        """The row is there, but not the one that was acknowledged."""
        assert examine([A], [], [Row("tasks/9", "a", None, 1)]).lost == ["a, acknowledged as tasks/1"]

    @pytest.mark.parametrize("creation", [A, C])
    def test_a_duplicate_is_found(self, creation: Creation) -> None:
        """Of what was acknowledged, and of what nobody knows about."""
        twice = [Row("tasks/1", creation.title, None, 1), Row("tasks/2", creation.title, None, 1)]
        assert examine([creation], [], twice).doubled == [f"{creation.title}, 2 times"]

    def test_a_unique_title_that_is_taken_was_sent_twice(self) -> None:
        """The index lets the second copy not in, and tells."""
        taken = Creation("a", Outcome.REFUSED, code="TASK_TITLE_TAKEN")
        found = examine([taken], [], [ROW])
        assert found.doubled == ["a, taken before it was asked for"]
        assert found.risen == []

    def test_a_refused_write_that_is_there_is_found(self) -> None:
        """A 4xx is a promise."""
        assert examine([B], [], [Row("tasks/2", "b", None, 1)]).risen == ["b, refused by VALIDATION_FAILED"]

    def test_a_row_that_nobody_asked_for_is_found(self) -> None:
        assert examine([], [], [ROW]).risen == ["a, which nobody asked for"]


class TestUpdates:
    def test_what_fits_together_is_clean(self) -> None:
        first = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        open_, stale = Update("tasks/1", "y", Outcome.UNKNOWN), Update("tasks/1", "z", Outcome.REFUSED)
        assert examine([A], [first, open_, stale], [Row("tasks/1", "a", "x", 2)]).is_clean
        assert examine([A], [first, open_, stale], [Row("tasks/1", "a", "y", 3)]).is_clean

    def test_a_lost_update_is_found(self) -> None:
        """Two clients are told that theirs is version 2."""
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

    def test_an_update_whose_text_is_another_is_found(self) -> None:
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert examine([A], [update], [Row("tasks/1", "a", "y", 2)]).lost == ["tasks/1: version 2 says y, not x"]

    def test_an_update_done_twice_is_found(self) -> None:
        update = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2)
        assert examine([A], [update], [Row("tasks/1", "a", "x", 3)]).doubled == [
            "tasks/1 is at version 3, after at most 1 updates"
        ]

    def test_a_refused_update_that_is_there_is_found(self) -> None:
        first, stale = Update("tasks/1", "x", Outcome.ACKNOWLEDGED, 2), Update("tasks/1", "z", Outcome.REFUSED)
        assert examine([A], [first, stale], [Row("tasks/1", "a", "z", 2)]).risen == ["tasks/1: z, refused"]


class TestSettled:
    def test_one_acknowledgement_settles_it(self) -> None:
        assert settled([told(503), told(201)]) is Outcome.ACKNOWLEDGED

    def test_only_refusals_are_a_refusal(self) -> None:
        assert settled([told(400, b'{"code": "VALIDATION_FAILED"}')]) is Outcome.REFUSED

    def test_one_open_end_leaves_it_open(self) -> None:
        assert settled([told(503), told(400, b'{"code": "VALIDATION_FAILED"}')]) is Outcome.UNKNOWN

    def test_one_that_still_runs_may_yet_succeed(self) -> None:
        assert settled([told(409, b'{"code": "IDEMPOTENCY_IN_PROGRESS"}')]) is Outcome.UNKNOWN
