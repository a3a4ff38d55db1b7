"""The IDs of new migrations."""

from datetime import UTC, datetime

import pytest

from app.cli.revision_ids import new_id


@pytest.mark.parametrize("after", ["", "0016", "ae1027a6acf"])
def test_an_id_is_the_time_and_two_random_digits(after: str) -> None:
    before = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    assert before <= new_id(after)[:14] <= datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    assert len(new_id(after)) == 16


def test_ids_of_one_second_are_in_order() -> None:
    ids = [new_id()]
    for _ in range(300):
        ids.append(new_id(ids[-1]))
    assert ids == sorted(set(ids))


def test_an_id_follows_one_of_a_clock_that_is_ahead() -> None:
    assert new_id("2999123123595999") == "2999123123596000"
