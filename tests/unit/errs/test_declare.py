"""Errors are declared where they are raised, and whoever watches is told of each."""

import pytest

from app.errs import E, Error, Kind, declare, ops, raised_by, raises
from app.errs.fallbacks import EditConflict
from app.errs.platform import InternalError, ServiceUnavailable
from app.errs.tasks import NotTaskOwner, TaskNotFound

Told = list[tuple[str, str, bool]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Return what a watcher is told; nobody else watches meanwhile."""
    heard: Told = []
    monkeypatch.setattr(declare, "WATCHERS", [lambda op, error, declared: heard.append((op, error.code, declared))])
    return heard


class Shelf:
    """A use case that raises what it is handed."""

    @raises(TaskNotFound)
    def take(self, error: BaseException | None = None) -> str:
        """Take something."""
        if error is not None:
            raise error
        return "a book"

    @raises()
    def look(self) -> None:
        """Look, and never fail."""

    def undeclared(self) -> None:
        """Say nothing of errors."""


class Library:
    """A use case that has another one do it."""

    @raises(TaskNotFound)
    def borrow(self, error: BaseException) -> str:
        """Borrow something."""
        return Shelf().take(error)


class TestRaises:
    def test_ok(self, told: Told) -> None:
        assert Shelf().take() == "a book"
        assert told == []

    def test_a_declared_error_is_told_as_such_and_wanders_on(self, told: Told) -> None:
        error = TaskNotFound()
        with pytest.raises(TaskNotFound) as caught:
            Shelf().take(error)
        assert caught.value is error
        assert told == [("Shelf.take", "TASK_NOT_FOUND", True)]

    def test_an_undeclared_one_is_told_and_wanders_on_as_it_is(self, told: Told) -> None:
        with pytest.raises(NotTaskOwner):
            Shelf().take(NotTaskOwner())
        assert told == [("Shelf.take", "NOT_TASK_OWNER", False)]

    def test_an_error_around_a_declared_one_is_declared(self, told: Told) -> None:
        with pytest.raises(Error):
            Shelf().take(E("tasks.get", cause=TaskNotFound()))
        assert told == [("Shelf.take", "TASK_NOT_FOUND", True)]

    @pytest.mark.parametrize("error", [E(Kind.CONFLICT), E("tasks.get", Kind.CONFLICT, code="TASK_LOCKED")])
    def test_an_error_of_a_kind_is_declared_as_the_fallback_of_the_kind(self, told: Told, error: Error) -> None:
        @raises(EditConflict)
        def lock() -> None:
            raise error

        with pytest.raises(Error):
            lock()
        with pytest.raises(Error):
            Shelf().take(error)
        assert [declared for _, _, declared in told] == [True, False]

    @pytest.mark.parametrize("error", [InternalError(), ServiceUnavailable(), E(kind=Kind.DATABASE)])
    def test_what_every_use_case_can_meet_need_not_be_declared(self, told: Told, error: Error) -> None:
        with pytest.raises(Error):
            Shelf().take(error)
        assert told == []

    def test_other_exceptions_are_nobody_s_business(self, told: Told) -> None:
        with pytest.raises(KeyError):
            Shelf().take(KeyError("x"))
        assert told == []

    @pytest.mark.usefixtures("told")
    def test_an_error_is_told_the_use_cases_that_it_leaves_once_each(self) -> None:
        error = TaskNotFound("shelves.open")
        for _ in range(2):
            with pytest.raises(TaskNotFound):
                Library().borrow(error)
        assert ops(error) == ["test_declare.borrow", "test_declare.take", "shelves.open"]
        assert str(error) == "test_declare.borrow: test_declare.take: shelves.open: The task does not exist."

    @pytest.mark.usefixtures("told")
    def test_what_leaves_after_more_was_said_is_told_before_that(self) -> None:
        outer = E("shelves.find", cause=TaskNotFound("shelves.open"))
        with pytest.raises(Error):
            Shelf().take(outer)
        assert ops(outer) == ["test_declare.take", "shelves.find", "shelves.open"]

    def test_name_and_docstring_stay(self) -> None:
        assert (Shelf.take.__qualname__, Shelf.take.__doc__) == ("Shelf.take", "Take something.")


class TestRaisedBy:
    def test_ok(self) -> None:
        assert raised_by(Shelf.take) == (TaskNotFound,)
        assert raised_by(Shelf().take) == (TaskNotFound,)

    def test_nothing_can_be_declared_too(self) -> None:
        assert raised_by(Shelf.look) == ()

    def test_a_use_case_that_declares_nothing_is_refused(self) -> None:
        with pytest.raises(TypeError, match=r"Shelf\.undeclared does not declare its errors"):
            raised_by(Shelf.undeclared)
