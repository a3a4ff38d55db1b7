"""A database of dictionaries, and units of work with the join, commit and rollback of those on PostgreSQL."""

from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from app.models.jobs import NewJob
from app.models.products import Currency
from tests.fakes.idempotency import FakeStoredResponses
from tests.fakes.jobs import FakeJobs
from tests.fakes.movies import FakeMovieRepository
from tests.fakes.orders import FakeOrderRepository
from tests.fakes.products import FakeProductRepository
from tests.fakes.tasks import FakeTaskRepository

Rows = dict[UUID, dict[str, Any]]
STORED = (
    "jobs",
    "movies",
    "order_items",
    "orders",
    "products",
    "stored_responses",
    "tasks",
)
"""The state that a unit of work commits or rolls back."""


class FakeDatabase:
    """The committed state, and the state of the current unit."""

    def __init__(self) -> None:
        self.movies: Rows = {}
        self.orders: Rows = {}
        self.order_items: dict[UUID, list[dict[str, Any]]] = {}
        self.products: dict[tuple[str, Currency], tuple[Decimal, datetime]] = {}
        self.tasks: Rows = {}
        self.stored_responses: dict[str, dict[str, Any]] = {}
        self.jobs: list[NewJob] = []
        self.locked: set[str] = set()
        """Scopes that another session holds."""
        self.commits = 0
        self._saved: dict[str, Any] | None = None
        self._depth = 0
        self._undone = False

    def unit_of_work(self) -> "FakeUnitOfWork":
        """Return a unit of work, which joins an enclosing one."""
        return FakeUnitOfWork(self)

    def begin(self) -> None:
        """Enter a unit."""
        self._depth += 1
        if self._saved is None:
            self._save()

    def commit(self) -> None:
        """Commit the effects, unless an outer unit is open, or an inner one was rolled back."""
        if self._undone:
            raise RuntimeError("a unit of work inside this one ended without a commit")
        if self._depth == 1:
            self.commits += 1
            self._save()

    def end(self, *, committed: bool) -> None:
        """Leave a unit; effects that the outermost did not commit are rolled back."""
        self._depth -= 1
        self._undone = self._depth > 0 and (self._undone or not committed)
        if self._depth == 0 and self._saved is not None:
            self.__dict__.update(self._saved)
            self._saved = None

    def _save(self) -> None:
        self._saved = {name: deepcopy(getattr(self, name)) for name in STORED}


class FakeUnitOfWork:
    """Opens repositories on a database of dictionaries."""

    jobs: FakeJobs
    movies: FakeMovieRepository
    orders: FakeOrderRepository
    products: FakeProductRepository
    tasks: FakeTaskRepository
    stored_responses: FakeStoredResponses

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def __enter__(self) -> Self:
        self._database.begin()
        self._is_committed = False
        self.jobs = FakeJobs(self._database)
        self.movies = FakeMovieRepository(self._database)
        self.orders = FakeOrderRepository(self._database)
        self.products = FakeProductRepository(self._database)
        self.tasks = FakeTaskRepository(self._database)
        self.stored_responses = FakeStoredResponses(self._database)
        return self

    def commit(self) -> None:
        """Commit the unit's effects, or join them to those of the enclosing unit."""
        self.movies.flush()
        self.orders.flush()
        self.tasks.flush()
        self._database.commit()
        self._is_committed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.end(committed=self._is_committed)
