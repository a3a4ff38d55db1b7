"""The declarative base: plain SQLAlchemy, handed to Flask-SQLAlchemy by the extensions."""

from datetime import datetime
from enum import IntEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import TIMESTAMP, Dialect, MetaData, SmallInteger, TypeDecorator
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

    def process_result_value(self, value: Any, dialect: Dialect) -> EnumT | None:
        """Return the member of a number."""
        return None if value is None else self.enum(value)
