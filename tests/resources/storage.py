"""The collections of every resource: PostgreSQL and the fake behave alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import pytest

from app.errs import raised_by
from app.errs.error import Error
from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering
from app.models.resource import Resource
from tests.fakes.unit_of_work import FakeDatabase
from tests.integration.conftest import Database
from tests.resources.subject import Subject
from tests.rows import parents

NOON: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROWS: Final = 5


@dataclass
class Storage:
    """The storage under test."""

    subject: Subject
    reads: Any
    unit: Callable[[], AbstractContextManager[Any]]
    references: dict[str, UUID]

    def added(self, *numbers: int, by: str = "alice") -> list[Any]:
        """Add a row for each number, and commit."""
        model: Any = self.subject.model
        rows = [model.create(self.subject.values(each, **self.references), by=by, at=NOON) for each in numbers]
        with self.unit() as unit:
            for each in rows:
                getattr(unit, self.subject.name).add(each)
            unit.commit()
        return rows

    def entities(self, unit: Any) -> Any:
        """Return the entities of a unit."""
        return getattr(unit, self.subject.name)

    def state(self, row: Resource) -> dict[str, Any]:
        """Return the attributes of a row or an entity."""
        return {str(column.key): getattr(row, str(column.key)) for column in self.subject.table.columns}


class StorageTests:
    """The contract of a resource's collections. ``name`` is the plural of its name."""

    name: ClassVar[str]
    fake_reads: ClassVar[type[Any]]

    @pytest.fixture(params=["memory", "postgres"])
    def storage(self, request: pytest.FixtureRequest) -> Storage:
        """Return each storage, empty except for the rows that references need."""
        subject = Subject(self.name)
        if request.param == "memory":
            fake = FakeDatabase()
            references = {each: uuid4() for each in subject.foreign_keys}
            for key in subject.table.foreign_key_constraints:
                rows = getattr(fake, key.referred_table.name, {})
                rows[references[str(key.column_keys[0])]] = {}
            return Storage(subject, self.fake_reads(fake), fake.unit_of_work, references)
        database: Database = request.getfixturevalue("database")
        with database.engine.begin() as connection:
            references = parents(connection, subject.table)
        return Storage(subject, subject.reads(database.reads), database.unit_of_work, references)

    def test_an_added_one_can_be_read(self, storage: Storage) -> None:
        (row,) = storage.added(0)
        assert storage.state(storage.reads.get(row.id)) == storage.state(row)
        with storage.unit() as unit:
            assert storage.state(storage.entities(unit).get(row.id)) == storage.state(row)

    def test_an_unknown_id_is_rejected(self, storage: Storage) -> None:
        with pytest.raises(Error) as of_row:
            storage.reads.get(uuid4())
        with storage.unit() as unit, pytest.raises(Error) as of_entity:
            storage.entities(unit).get(uuid4())
        assert {of_row.value.code, of_entity.value.code} == {storage.subject.absent}

    @pytest.mark.parametrize("commits", [True, False])
    def test_a_change_is_written_with_the_unit_of_work(self, storage: Storage, commits: bool) -> None:
        (row,) = storage.added(0)
        before = storage.state(row)
        with storage.unit() as unit:
            entity = storage.entities(unit).get(row.id)
            entity.change(storage.subject.values(1, **storage.references), at=NOON + timedelta(hours=1))
            expected = storage.state(entity) if commits else before
            if commits:
                unit.commit()
        assert storage.state(storage.reads.get(row.id)) == expected
        assert (expected["version"] == 2) is commits

    def test_a_removed_one_is_not_found(self, storage: Storage) -> None:
        row, other = storage.added(0, 1)
        with storage.unit() as unit:
            storage.entities(unit).remove(storage.entities(unit).get(row.id))
            unit.commit()
        with pytest.raises(Error):
            storage.reads.get(row.id)
        assert storage.reads.get(other.id).id == other.id

    def test_lists_are_filtered_and_ordered_alike(self, storage: Storage) -> None:
        """By each column with an index: page by page, and filtered by the value of one row."""
        rows = storage.added(*range(ROWS))
        for member in storage.subject.rules.orderable:
            for down in (False, True):
                found, after = [], None
                while True:
                    page = storage.reads.page(ListQuery((), (Ordering(member, down),), 2, after))
                    found += [getattr(each, member) for each in page.rows]
                    after = page.next
                    if after is None:
                        break
                    assert isinstance(after, Cursor)
                assert found == sorted((getattr(each, member) for each in rows), reverse=down), member
            value = getattr(rows[2], member)
            query = ListQuery((Comparison(member, Operator.EQ, value),), (Ordering("create_time"),), ROWS)
            assert {each.id for each in storage.reads.page(query).rows} == {
                each.id for each in rows if getattr(each, member) == value
            }

    def test_a_violation_raises_the_error_that_the_model_names(self, storage: Storage) -> None:
        """Of each unique index and each reference; nothing is written."""
        storage.added(0)
        model: Any = storage.subject.model
        expected = [code for _, code in storage.subject.unique_indexes()]
        for code in expected:
            twin = model.create(storage.subject.values(0, **storage.references), by="alice", at=NOON)
            with storage.unit() as unit, pytest.raises(Error) as caught:
                storage.entities(unit).add(twin)
            assert caught.value.code in {code, *expected}
        for name in storage.subject.references:
            lost = model.create(storage.subject.values(1, **{**storage.references, name: uuid4()}), by="alice", at=NOON)
            with storage.unit() as unit, pytest.raises(Error) as caught:
                storage.entities(unit).add(lost)
            assert [each.field for each in caught.value.violations] == [name]
        if name := storage.subject.parent:
            lost = model.create(storage.subject.values(1, **{**storage.references, name: uuid4()}), by="alice", at=NOON)
            with storage.unit() as unit, pytest.raises(Error) as caught:
                storage.entities(unit).add(lost)
            assert caught.value.code in {each.code for each in raised_by(storage.subject.parent_get)}
        query = ListQuery((), (Ordering("create_time"),), ROWS)
        assert storage.reads.page(query).total_size == 1
