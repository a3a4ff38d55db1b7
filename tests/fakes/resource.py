"""The collections of ``flask new resource`` in memory; a contract test compares them with PostgreSQL.

They enforce the rules that name an error on the model: unique indexes, and references.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

from sqlalchemy import Table

from app.errs.error import Error
from app.models.query import ListQuery, Page
from app.models.resource import Resource
from tests.fakes import listing

R = TypeVar("R", bound=Resource)
Rows = dict[UUID, dict[str, Any]]


class FakeReads(Generic[R]):
    """Reads a resource as rows."""

    entity: ClassVar[type[Resource]]
    absent: ClassVar[type[Error]]

    def __init__(self, storage: object) -> None:
        self._storage = storage

    @property
    def _rows(self) -> Rows:
        return cast("Rows", getattr(self._storage, self.entity.__tablename__))

    def get(self, resource_id: UUID) -> R:
        """Return the row."""
        if resource_id not in self._rows:
            raise self.absent
        return cast("R", listing.view(self._rows[resource_id]))

    def page(self, query: ListQuery) -> Page[Any]:
        """Return one page of the matching rows."""
        return listing.page(self._rows.values(), query)


class FakeRepository(Generic[R]):
    """A resource as entities, inside a unit of work."""

    entity: ClassVar[type[Resource]]
    absent: ClassVar[type[Error]]

    def __init__(self, storage: object) -> None:
        self._storage = storage
        self._held: dict[UUID, R] = {}

    @property
    def _rows(self) -> Rows:
        return cast("Rows", getattr(self._storage, self.entity.__tablename__))

    def get(self, resource_id: UUID) -> R:
        """Return the entity; the unit writes its changes."""
        if resource_id not in self._rows:
            raise self.absent
        return self._held.setdefault(resource_id, cast("R", self.entity(**self._rows[resource_id])))

    def add(self, entity: R) -> None:
        """Add the entity."""
        self._held[entity.id] = entity
        self.flush()

    def remove(self, entity: R) -> None:
        """Remove the entity."""
        del self._rows[entity.id]
        self._held.pop(entity.id, None)

    def flush(self) -> None:
        """Write the changes."""
        for entity in self._held.values():
            row = {column.key: getattr(entity, str(column.key)) for column in self.entity.__table__.columns}
            for error in self._violations(row):
                raise error
            self._rows[entity.id] = row

    def _violations(self, row: dict[str, Any]) -> Iterator[Error]:
        table = cast("Table", self.entity.__table__)
        for index in table.indexes:
            names = [str(column.key) for column in index.columns]
            taken = (each for each in self._rows.values() if each["id"] != row["id"])
            values = [row[name] for name in names]
            if index.unique and None not in values and any([each[name] for name in names] == values for each in taken):
                yield index.info["violated"]()
        for key in table.foreign_key_constraints:
            (name,), (element,) = key.column_keys, key.elements
            known = getattr(self._storage, element.column.table.name, None)
            if known is not None and row[name] is not None and row[name] not in known:
                yield element.info["violated"](name)
