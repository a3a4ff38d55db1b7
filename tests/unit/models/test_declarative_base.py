"""Values of the database are converted to values of the models, or are an error."""

from enum import IntEnum

import pytest
from sqlalchemy.engine.default import DefaultDialect

from app.models.declarative_base import SmallEnum


class Colour(IntEnum):
    """An enumeration."""

    RED = 1


class TestSmallEnum:
    def test_a_number_maps_to_its_member_and_null_to_none(self) -> None:
        read = SmallEnum(Colour).result_processor(DefaultDialect(), None)
        assert read(1) is Colour.RED
        assert read(None) is None

    def test_a_number_without_a_member_is_an_error(self) -> None:
        read = SmallEnum(Colour).result_processor(DefaultDialect(), None)
        with pytest.raises(KeyError):
            read(9)
