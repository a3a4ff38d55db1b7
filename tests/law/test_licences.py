"""``docs/policies/licences.md`` lists each package of the lock files with its licence, and each licence is allowed."""

import re

import pytest

from tests.licences import ALLOWED, BEGIN, PAGE, locked, rows, table

TEXT = PAGE.read_text()


def test_the_table_matches_the_locks_and_the_metadata() -> None:
    assert TEXT.partition(BEGIN)[2] == table(TEXT), "python -m tests.licences"


@pytest.mark.parametrize("name", locked())
def test_each_licence_is_allowed(name: str) -> None:
    expression = rows(TEXT)[name].split("|")[2]
    assert {word for word in re.split(r"[\s()]+|\bAND\b|\bOR\b", expression) if word} <= ALLOWED
