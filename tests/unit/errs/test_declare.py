"""Errors are declared where they are raised, and observers receive each of them."""

import pytest

from app.errs import E, Error, Kind, declare, ops, raised_by, raises
from app.errs.fallbacks import EditConflict
from app.errs.platform import InternalError, ServiceUnavailable
from app.errs.tasks import NotTaskOwner, TaskNotFound

Observed = list[tuple[str, str, bool]]


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> Observed:
    """Return the list of observed errors; no other observer is registered meanwhile."""
    heard: Observed = []
    monkeypatch.setattr(declare, "WATCHERS", [lambda op, error, declared: heard.append((op, error.code, declared))])
    return heard


class Shelf:
    """A use case that raises the given error."""

    @raises(TaskNotFound)
    def take(self, error: BaseException | None = None) -> str:
        """Raise the given error."""
        if error is not None:
            raise error
        return "a book"

    @raises()
    def look(self) -> None:
        """Return without an error."""

    def undeclared(self) -> None:
        """Declare no errors."""


class Library:
    """A use case that calls another one."""

    @raises(TaskNotFound)
    def borrow(self, error: BaseException) -> str:
        """Call the other use case."""
        return Shelf().take(error)


class TestRaises:
    def test_ok(self, observed: Observed) -> None:
        assert Shelf().take() == "a book"
        assert observed == []

    def test_a_declared_error_is_observed_and_propagates(self, observed: Observed) -> None:
        error = TaskNotFound()
        with pytest.raises(TaskNotFound) as caught:
            Shelf().take(error)
        assert caught.value is error
        assert observed == [("Shelf.take", "TASK_NOT_FOUND", True)]

    def test_an_undeclared_error_is_observed_and_propagates_unchanged(self, observed: Observed) -> None:
        with pytest.raises(NotTaskOwner):
            Shelf().take(NotTaskOwner())
        assert observed == [("Shelf.take", "NOT_TASK_OWNER", False)]

    def test_an_error_that_wraps_a_declared_one_is_declared(self, observed: Observed) -> None:
        with pytest.raises(Error):
            Shelf().take(E("tasks.get", cause=TaskNotFound()))
        assert observed == [("Shelf.take", "TASK_NOT_FOUND", True)]

    @pytest.mark.parametrize("error", [E(Kind.CONFLICT), E("tasks.get", Kind.CONFLICT, code="TASK_LOCKED")])
    def test_an_error_of_a_kind_is_declared_by_the_fallback_of_the_kind(self, observed: Observed, error: Error) -> None:
        @raises(EditConflict)
        def lock() -> None:
            raise error

        with pytest.raises(Error):
            lock()
        with pytest.raises(Error):
            Shelf().take(error)
        assert [declared for _, _, declared in observed] == [True, False]

    @pytest.mark.parametrize("error", [InternalError(), ServiceUnavailable(), E(kind=Kind.DATABASE)])
    def test_errors_common_to_all_use_cases_need_no_declaration(self, observed: Observed, error: Error) -> None:
        with pytest.raises(Error):
            Shelf().take(error)
        assert observed == []

    def test_other_exceptions_are_not_observed(self, observed: Observed) -> None:
        with pytest.raises(KeyError):
            Shelf().take(KeyError("x"))
        assert observed == []

    @pytest.mark.usefixtures("observed")
    def test_an_error_is_reported_once_for_each_use_case_it_leaves(self) -> None:
        error = TaskNotFound("shelves.open")
        for _ in range(2):
            with pytest.raises(TaskNotFound):
                Library().borrow(error)
        assert ops(error) == ["test_declare.borrow", "test_declare.take", "shelves.open"]
        assert str(error) == "test_declare.borrow: test_declare.take: shelves.open: The task does not exist."

    @pytest.mark.usefixtures("observed")
    def test_an_error_that_gains_attributes_is_reported_without_them_first(self) -> None:
        outer = E("shelves.find", cause=TaskNotFound("shelves.open"))
        with pytest.raises(Error):
            Shelf().take(outer)
        assert ops(outer) == ["test_declare.take", "shelves.find", "shelves.open"]

    def test_name_and_docstring_are_kept(self) -> None:
        assert (Shelf.take.__qualname__, Shelf.take.__doc__) == ("Shelf.take", "Raise the given error.")


class TestRaisedBy:
    def test_ok(self) -> None:
        assert raised_by(Shelf.take) == (TaskNotFound,)
        assert raised_by(Shelf().take) == (TaskNotFound,)

    def test_an_empty_declaration_is_allowed(self) -> None:
        assert raised_by(Shelf.look) == ()

    def test_a_use_case_without_a_declaration_is_rejected(self) -> None:
        with pytest.raises(TypeError, match=r"Shelf\.undeclared does not declare its errors"):
            raised_by(Shelf.undeclared)
