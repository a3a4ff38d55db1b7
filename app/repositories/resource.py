"""The collections of ``flask new resource``. A resource names its entity and the error for an unknown ID."""

from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import Session

from app.errs.error import Error
from app.models.query import ListQuery, Page
from app.models.resource import Resource
from app.repositories import listing
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

R = TypeVar("R", bound=Resource)


class ResourceReads(Generic[R]):
    """Reads a resource as rows of columns."""

    entity: ClassVar[type[Resource]]
    absent: ClassVar[type[Error]]
    _columns: ClassVar[tuple[ColumnElement[Any], ...]]
    _one: ClassVar[CompiledStatement]

    def __init_subclass__(cls) -> None:
        """Compile the statement of a row once."""
        super().__init_subclass__()
        cls._columns = tuple(cls.entity.__table__.columns)
        cls._one = CompiledStatement(select(*cls._columns).where(cls.entity.id == bindparam("of")))

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def get(self, resource_id: UUID) -> R:
        """Return the row with this ID.

        Raises:
            Error: ``absent``, if there is none.
        """
        row = self._reads.first(self._one, of=resource_id)
        if row is None:
            raise self.absent
        return cast("R", row)

    def page(self, query: ListQuery) -> Page[Any]:
        """Return one page of the rows that match."""
        members = {str(column.key): column for column in self._columns}
        return listing.page(self._reads, self._columns, members, query)


class ResourceRepository(Generic[R]):
    """A resource as entities, inside a unit of work."""

    entity: ClassVar[type[Resource]]
    absent: ClassVar[type[Error]]

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, resource_id: UUID) -> R:
        """Return the entity, locked until the unit of work ends.

        Raises:
            Error: ``absent``, if there is none with this ID.
        """
        found = self._session.get(self.entity, resource_id, with_for_update=True, populate_existing=True)
        if found is None:
            raise self.absent
        return cast("R", found)

    def add(self, entity: R) -> None:
        """Add the entity.

        Raises:
            Error: it violates a constraint that names an error.
        """
        self._session.add(entity)
        self._session.flush()

    def remove(self, entity: R) -> None:
        """Remove the entity."""
        self._session.delete(entity)
        self._session.flush()
