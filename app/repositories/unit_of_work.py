"""A unit of work: one transaction around a use case. Units join: inside another, a commit is a flush."""

from types import TracebackType
from typing import Final, Self

from sqlalchemy.orm import Session, scoped_session

from app.repositories.idempotency import StoredAnswerRepository
from app.repositories.tasks import TaskRepository

DEPTH: Final = "units_of_work"


class UnitOfWork:
    """Opens repositories on one session; what is not committed when it ends is rolled back."""

    tasks: TaskRepository
    stored_answers: StoredAnswerRepository

    def __init__(self, sessions: scoped_session[Session]) -> None:
        self._sessions = sessions

    def __enter__(self) -> Self:
        self._session = self._sessions()
        self._session.info[DEPTH] = self._session.info.get(DEPTH, 0) + 1
        self.tasks = TaskRepository(self._session)
        self.stored_answers = StoredAnswerRepository(self._session)
        return self

    def commit(self) -> None:
        """Make the unit's effects last, or join them to those of the unit around it."""
        if self._session.info[DEPTH] == 1:
            self._session.commit()
        else:
            self._session.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.info[DEPTH] -= 1
        if self._session.info[DEPTH] == 0 and self._session.in_transaction():
            self._session.rollback()
