"""The shared parts of the models of ``flask new resource``: columns, references, transitions and collections."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Numeric, Table
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from app.errs.error import Error, Violation
from app.errs.requests import ValidationFailed
from app.models.declarative_base import Base
from app.models.products import MINOR_DIGITS
from app.models.query import ListQuery, Page

MONEY_DIGITS: Final = 14
"""The total number of digits of an amount, two of them after the decimal point."""

S = TypeVar("S", bound=IntEnum)


class Resource(Base):
    """A row that clients create, replace and delete. ``version`` is the source of its entity tag."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    version: Mapped[int]

    owner: ClassVar[str | None] = None
    """The column with the user that a row belongs to, if it belongs to one."""
    parent: ClassVar[str | None] = None
    """The column with the ID of the row that this one is nested under, if its lists are those of a parent."""

    @classmethod
    def sorted_by(cls) -> frozenset[str]:
        """Return the columns by which an index sorts the rows: all rows, or those of one parent or owner."""
        led = [first] if (first := cls.parent or cls.owner) else []
        columns = [[column.key for column in index.columns] for index in cast("Table", cls.__table__).indexes]
        return frozenset(str(each[-2]) for each in columns if each == [*led, *each[-2:]] and each[-1] == "id")

    def change(self, values: Mapping[str, Any], *, at: datetime) -> None:
        """Set these attributes."""
        for name, value in values.items():
            setattr(self, name, value)
        self.update_time = max(at, self.update_time)
        self.version += 1


def money() -> MappedColumn[Decimal]:
    """Return a column with exact amounts."""
    return mapped_column(Numeric(MONEY_DIGITS, MINOR_DIGITS))


def reference(table: str, *, on_delete: str = "CASCADE", absent: type[Error] | None = None) -> MappedColumn[UUID]:
    """Return a column with the IDs of a table. A row with an unknown ID is rejected as a violation of this field.

    Args:
        table: the table that it refers to.
        on_delete: what PostgreSQL does when the referenced row is deleted: ``CASCADE`` deletes this row too,
            ``SET NULL`` clears an optional reference.
        absent: the error instead of the violation, for a parent, which the path names and not the body.
    """
    violated = broken_link if absent is None else lambda _field: absent()
    return mapped_column(ForeignKey(f"{table}.id", ondelete=on_delete, info={"violated": violated}))


def broken_link(field: str) -> Error:
    """Return the error of a reference to a row that does not exist."""
    return ValidationFailed(violations=(Violation.of_member(field, "BROKEN_LINK", f"{field} does not exist"),))


@dataclass(frozen=True)
class Transition(Generic[S]):
    """A change of a state: from one of these states to another. ``error`` has the current state in ``state``."""

    sources: frozenset[S]
    target: S
    error: type[Error]

    def next(self, state: S) -> S:
        """Return the state after the transition.

        Raises:
            Error: ``error``, if the current state does not allow the transition.
        """
        if state not in self.sources:
            raise self.error(state=f"{type(state).__name__.upper()}_{state.name}")
        return self.target


R = TypeVar("R", bound=Resource)
R_co = TypeVar("R_co", bound=Resource, covariant=True)


class Rows(Protocol[R_co]):
    """A resource as rows. They have the attributes of the entity, and no methods."""

    def get(self, resource_id: UUID) -> R_co: ...  # noqa: D102
    def page(self, query: ListQuery) -> Page[Any]: ...  # noqa: D102


class Entities(Protocol[R]):
    """A resource as entities, inside a unit of work."""

    def get(self, resource_id: UUID) -> R: ...  # noqa: D102
    def add(self, entity: R) -> None: ...  # noqa: D102
    def remove(self, entity: R) -> None: ...  # noqa: D102
