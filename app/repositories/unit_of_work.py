"""A unit of work: one transaction around a use case. Units join: inside another, a commit is a flush."""

from types import TracebackType
from typing import Final, Self

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


class UnitOfWork:
    """Opens repositories on one session; what is not committed when it ends is rolled back, and all around it."""

    logger: LoggerRepository
    jobs: JobRepository
    movies: MovieRepository
    orders: OrderRepository
    preferences: PreferencesRepository
    products: ProductRepository
    registrations: RegistrationRepository
    sessions: SessionRepository
    tasks: TaskRepository
    users: UserRepository
    stored_answers: StoredAnswerRepository

    def __init__(self, sessions: scoped_session[Session]) -> None:
        self._sessions = sessions

    def __enter__(self) -> Self:
        self._session = self._sessions()
        self._session.info[DEPTH] = self._session.info.get(DEPTH, 0) + 1
        self._is_committed = False
        self.logger = LoggerRepository(self._session)
        self.jobs = JobRepository(self._session)
        self.movies = MovieRepository(self._session)
        self.orders = OrderRepository(self._session)
        self.preferences = PreferencesRepository(self._session)
        self.products = ProductRepository(self._session)
        self.registrations = RegistrationRepository(self._session)
        self.sessions = SessionRepository(self._session)
        self.tasks = TaskRepository(self._session)
        self.users = UserRepository(self._session)
        self.stored_answers = StoredAnswerRepository(self._session)
        return self

    def commit(self) -> None:
        """Make the unit's effects last, or join them to those of the unit around it.

        Raises:
            ServiceUnavailable: the database is out of reach.
            RuntimeError: a unit inside ended without a commit, which undoes this one too.
        """
        if self._session.info.get(UNDONE):
            raise RuntimeError("a unit of work inside this one ended without a commit")
        self._session.flush()
        if self._session.info[DEPTH] == 1:
            _commit(self._session)
        self._is_committed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.info[DEPTH] -= 1
        if self._session.info[DEPTH] > 0:
            self._session.info[UNDONE] = self._session.info.get(UNDONE) or not self._is_committed
            return
        self._session.info[UNDONE] = False
        if self._session.in_transaction():
            self._session.rollback()


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
