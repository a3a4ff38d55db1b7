"""A unit of work: one transaction around a use case. Units join: inside another, a commit is a flush."""

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Final, Self, TypeVar

from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories.idempotency import StoredAnswerRepository
from app.repositories.jobs import JobRepository
from app.repositories.logger import LoggerRepository
from app.repositories.movies import MovieRepository
from app.repositories.orders import OrderRepository
from app.repositories.preferences import PreferencesRepository
from app.repositories.products import ProductRepository
from app.repositories.sessions import SessionRepository
from app.repositories.tasks import TaskRepository
from app.repositories.users import RegistrationRepository, UserRepository

DEPTH: Final = "units_of_work"
UNDONE: Final = "unit_undone"
R = TypeVar("R")


def _opened(kind: Callable[[Session], R]) -> cached_property[R]:
    """Return a repository of the unit, opened when it is asked for."""
    return cached_property(lambda unit: kind(unit.session))


class UnitOfWork:
    """Opens repositories on one session; what is not committed when it ends is rolled back, and all around it."""

    logger = _opened(LoggerRepository)
    jobs = _opened(JobRepository)
    movies = _opened(MovieRepository)
    orders = _opened(OrderRepository)
    preferences = _opened(PreferencesRepository)
    products = _opened(ProductRepository)
    registrations = _opened(RegistrationRepository)
    sessions = _opened(SessionRepository)
    tasks = _opened(TaskRepository)
    users = _opened(UserRepository)
    stored_answers = _opened(StoredAnswerRepository)

    def __init__(self, sessions: scoped_session[Session]) -> None:
        self._sessions = sessions

    def __enter__(self) -> Self:
        self.session = self._sessions()
        self.session.info[DEPTH] = self.session.info.get(DEPTH, 0) + 1
        self._is_committed = False
        return self

    def commit(self) -> None:
        """Make the unit's effects last, or join them to those of the unit around it.

        Raises:
            ServiceUnavailable: the database is out of reach.
            RuntimeError: a unit inside ended without a commit, which undoes this one too.
        """
        if self.session.info.get(UNDONE):
            raise RuntimeError("a unit of work inside this one ended without a commit")
        self.session.flush()
        if self.session.info[DEPTH] == 1:
            _commit(self.session)
        self._is_committed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.session.info[DEPTH] -= 1
        if self.session.info[DEPTH] > 0:
            self.session.info[UNDONE] = self.session.info.get(UNDONE) or not self._is_committed
            return
        self.session.info[UNDONE] = False
        if self.session.in_transaction():
            self.session.rollback()


def _commit(session: Session) -> None:
    """Commit.

    Raises:
        ServiceUnavailable: perhaps it was not; when the connection was lost meanwhile, nobody knows.
    """
    try:
        session.commit()
    except ServiceUnavailable as error:
        error.facts = {**error.facts, "is_undone": error.facts.get("is_undone") and not error.facts["disconnected"]}
        raise
