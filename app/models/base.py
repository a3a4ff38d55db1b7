"""The declarative base: plain SQLAlchemy, handed to Flask-SQLAlchemy by the extensions."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ARRAY, TIMESTAMP, Dialect, MetaData, SmallInteger, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, registry

EnumT = TypeVar("EnumT", bound=IntEnum)


class Base(DeclarativeBase):
    """Gives every constraint a name, so that its violation can be told by it.

    ``info={"violated": TaskTitleTaken}`` on a constraint or unique index names the error that its violation means.
    """

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "pk": "pk_%(table_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            }
        ),
        type_annotation_map={datetime: TIMESTAMP(timezone=True)},
    )


class SmallEnum(TypeDecorator[EnumT], Generic[EnumT]):
    """An integer enumeration stored as ``smallint``, so that it sorts by meaning."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, enum: type[EnumT]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Return the member's number."""
        return None if value is None else int(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], EnumT | None]:
        """Return what makes a number its member: a method of a dict, because it is called for every row."""
        members: dict[int | None, EnumT | None] = {None: None, **{member.value: member for member in self.enum}}
        return members.__getitem__


class Texts(TypeDecorator[list[str]]):
    """An array of texts, which the driver reads as a list already."""

    impl = ARRAY(Text)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Return that nothing is left to be done."""
        return
