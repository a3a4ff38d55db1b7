"""The use cases of every resource, on fakes."""

from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import pytest

from app.errs.error import Error
from app.errs.requests import PreconditionFailed, PreconditionRequired
from app.models.precondition import NO_PRECONDITION, Precondition
from app.models.query import ListQuery, Ordering
from app.request_context import Principal
from tests.fakes.clock import FakeClock
from tests.fakes.unit_of_work import FakeDatabase
from tests.resources.subject import Subject

PARENT_ID: Final = UUID(int=2**64)
STALE: Final = Precondition(frozenset({"9-0"}))
MISSING: Final = Precondition(is_missing=True)


class ServiceTests:
    """The use cases of a resource. ``name`` is the plural of its name."""

    name: ClassVar[str]
    fake_reads: ClassVar[type[Any]]

    @pytest.fixture
    def subject(self) -> Subject:
        """Return the resource."""
        return Subject(self.name)

    @pytest.fixture
    def service(self, subject: Subject, database: FakeDatabase, clock: FakeClock) -> Any:
        """Return the service."""
        module = import_module(f"app.services.{self.name}")
        kind = next(each for name, each in vars(module).items() if name.endswith("Service"))
        parents = {subject.parent_table.name: SimpleNamespace(get=lambda *_, **__: None)} if subject.parent else {}
        return kind(reads=self.fake_reads(database), unit_of_work=database.unit_of_work, clock=clock, **parents)

    @pytest.fixture
    def values(self, subject: Subject, database: FakeDatabase) -> dict[str, Any]:
        """Return the values of a new one. The rows to which they refer are stored."""
        references = {each: uuid4() for each in subject.references}
        for key in subject.table.foreign_key_constraints:
            name = str(key.column_keys[0])
            getattr(database, key.referred_table.name, {})[references.get(name, PARENT_ID)] = {}
        return subject.values(0, **references)

    @pytest.fixture
    def made(self, service: Any, values: dict[str, Any], subject: Subject, alice: Principal) -> Any:
        """Return one of alice."""
        return service.create(values, **{**self.by(subject, alice), "by": alice})

    @staticmethod
    def by(subject: Subject, caller: Principal) -> dict[str, Any]:
        """Return the caller and the parent as arguments, if the operations take them."""
        of = {subject.parent: PARENT_ID} if subject.parent else {}
        return {**of, "by": caller} if subject.model.owner or subject.has_owned_parent else of

    def test_create(self, made: Any, subject: Subject, clock: FakeClock, database: FakeDatabase) -> None:
        assert (getattr(made, subject.owner), made.version) == ("alice", 1)
        assert (made.create_time, made.update_time) == (clock.now(), clock.now())
        assert (list(getattr(database, subject.name)), database.commits) == ([made.id], 1)

    def test_get(self, service: Any, made: Any, subject: Subject, alice: Principal) -> None:
        by = self.by(subject, alice)
        assert service.get(made.id, **by).id == made.id
        with pytest.raises(PreconditionFailed):
            service.get(made.id, precondition=STALE, **by)

    def test_page(self, service: Any, made: Any, subject: Subject, alice: Principal, bob: Principal) -> None:
        query = ListQuery((), (Ordering("create_time"),), 10)
        assert [each.id for each in service.page(query, **self.by(subject, alice)).rows] == [made.id]
        seen = service.page(query, **self.by(subject, bob)).total_size
        assert seen == (0 if subject.model.owner else 1)

    def test_replace(
        self, service: Any, made: Any, values: dict[str, Any], subject: Subject, alice: Principal, clock: FakeClock
    ) -> None:
        by, created = self.by(subject, alice), made.create_time
        clock.advance(hours=1)
        new = service.replace(made.id, values, precondition=NO_PRECONDITION, **by)
        assert (new.version, new.create_time, new.update_time) == (2, created, clock.now())
        for precondition, error in ((MISSING, PreconditionRequired), (STALE, PreconditionFailed)):
            with pytest.raises(error):
                service.replace(made.id, values, precondition=precondition, **by)
        assert service.get(made.id, **by).version == 2

    def test_delete(self, service: Any, made: Any, subject: Subject, alice: Principal, database: FakeDatabase) -> None:
        by = self.by(subject, alice)
        with pytest.raises(PreconditionFailed):
            service.delete(made.id, precondition=STALE, **by)
        assert service.delete(made.id, **by).id == made.id
        assert getattr(database, subject.name) == {}

    def test_an_unknown_id_is_rejected(
        self, service: Any, values: dict[str, Any], subject: Subject, alice: Principal
    ) -> None:
        by, any_id = self.by(subject, alice), uuid4()
        calls = [
            partial(service.replace, any_id, values, precondition=MISSING, **by),
            *(partial(getattr(service, name), any_id, **by) for name in ("get", "delete", *subject.transitions)),
        ]
        for call in calls:
            with pytest.raises(Error) as caught:
                call()
            assert caught.value.code == subject.absent

    def test_only_the_owner_and_admins_may_use_it(
        self, service: Any, made: Any, values: dict[str, Any], subject: Subject, bob: Principal, admin: Principal
    ) -> None:
        """A resource without an owner takes no caller."""
        by = self.by(subject, bob)
        if not subject.model.owner:
            assert service.get(made.id, **by).id == made.id
            return
        for name in ("get", "delete", *subject.transitions):
            with pytest.raises(Error) as caught:
                getattr(service, name)(made.id, **by)
            assert caught.value.code.startswith("NOT_")
        assert service.get(made.id, **self.by(subject, admin)).id == made.id
