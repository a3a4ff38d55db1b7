"""What the database holds becomes what the models speak of, or is an error."""

from enum import IntEnum

import pytest
from sqlalchemy.engine.default import DefaultDialect

from app.models.base import SmallEnum


class Colour(IntEnum):
    """An enumeration."""

    RED = 1


class TestSmallEnum:
    def test_a_number_becomes_its_member_and_null_stays_null(self) -> None:
        read = SmallEnum(Colour).result_processor(DefaultDialect(), None)
        assert read(1) is Colour.RED
        assert read(None) is None

    def test_a_number_without_a_member_is_no_null_but_a_bug(self) -> None:
        read = SmallEnum(Colour).result_processor(DefaultDialect(), None)
        with pytest.raises(KeyError):
            read(9)
