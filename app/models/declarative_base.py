"""The declarative base: plain SQLAlchemy. ``app.extensions`` passes it to Flask-SQLAlchemy."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ARRAY, TIMESTAMP, Dialect, MetaData, SmallInteger, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, registry

EnumT = TypeVar("EnumT", bound=IntEnum)
PERSONAL: Final = {"personal": True}
"""``mapped_column(Text, info=PERSONAL)``: personal data, which no log entry contains."""


class Base(DeclarativeBase):
    """The base class of all models. It names every constraint; the name identifies a violation of the constraint.

    ``info={"violated": TaskTitleTaken}`` on a constraint or unique index names the error that a violation raises. On a
    foreign key, it is a function from the column's name to the error.
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
    """An integer enumeration stored as ``smallint``. Its numbers sort by meaning."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, enum: type[EnumT]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Return the number of the enumeration member."""
        return None if value is None else int(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], EnumT | None]:
        """Return a function from number to enumeration member: a dict method, because it is called for every row."""
        members: dict[int | None, EnumT | None] = {None: None, **{member.value: member for member in self.enum}}
        return members.__getitem__


class Texts(TypeDecorator[list[str]]):
    """An array of strings. The driver already returns a list."""

    impl = ARRAY(Text)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Return ``None``: no conversion is necessary."""
        return
