"""The unit of work: one transaction around a use case. An inner unit joins the outer one; its commit is a flush."""

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session

from app.repositories import error_translation
from app.repositories.erasure import ErasureRepository
from app.repositories.expiry import ExpiryRepository
from app.repositories.idempotency import StoredResponseRepository
from app.repositories.jobs import JobRepository
from app.repositories.logger import LoggerRepository
from app.repositories.movies import MovieRepository
from app.repositories.orders import OrderRepository
from app.repositories.preferences import PreferencesRepository
from app.repositories.products import ProductRepository
from app.repositories.sessions import SessionRepository
from app.repositories.tasks import TaskRepository
from app.repositories.transaction import Transaction, current
from app.repositories.users import RegistrationRepository, UserRepository

R = TypeVar("R")


def _opened(kind: Callable[[Session], R]) -> cached_property[R]:
    """Return a repository of the unit, created at its first use."""
    return cached_property(lambda unit: kind(unit.transaction.session))


class UnitOfWork:
    """Opens repositories on one transaction. At its end, uncommitted changes are rolled back, with all outer units."""

    erasure = _opened(ErasureRepository)
    expired = _opened(ExpiryRepository)
    logger = _opened(LoggerRepository)
    jobs = _opened(JobRepository)
    movies = _opened(MovieRepository)
    orders = _opened(OrderRepository)
    preferences = _opened(PreferencesRepository)
    products = _opened(ProductRepository)
    registrations = _opened(RegistrationRepository)
    sessions = _opened(SessionRepository)
    tasks = cached_property(lambda unit: TaskRepository(unit.transaction))
    users = _opened(UserRepository)
    stored_responses = _opened(StoredResponseRepository)

    def __init__(self, sessions: scoped_session[Session], engine: Callable[[], Engine]) -> None:
        self._sessions, self._engine = sessions, engine

    def __enter__(self) -> Self:
        around = current.get()
        self.transaction = around or Transaction(self._engine(), self._sessions)
        self._entered = None if around else (current.set(self.transaction), error_translation.by_repositories.set(True))
        self._is_committed = False
        return self

    def commit(self) -> None:
        """Commit the transaction, or, in an inner unit, flush the changes.

        Raises:
            ServiceUnavailable: the database is not reachable.
            RuntimeError: an inner unit ended without a commit, therefore this one can't be committed.
        """
        if self.transaction.is_undone:
            raise RuntimeError("a unit of work inside this one ended without a commit")
        if self._entered is None:
            self.transaction.flush()
        else:
            self.transaction.commit()
        self._is_committed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._entered is None:
            self.transaction.is_undone = self.transaction.is_undone or not self._is_committed
            return
        entered, translating = self._entered
        current.reset(entered)
        try:
            self.transaction.end()
        finally:
            error_translation.by_repositories.reset(translating)
