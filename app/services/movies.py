"""Operations on movies."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from app.errs import raises
from app.errs.lists import InvalidOrderBy
from app.errs.movies import MovieNotFound
from app.errs.requests import PreconditionFailed, PreconditionRequired
from app.models.movies import Movie, MovieView, NewMovie
from app.models.precondition import NO_PRECONDITION, Precondition, revision
from app.models.query import ListQuery, Page
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction


class MovieCollection(Protocol):
    """Movies as entities; see ``app.repositories.movies``."""

    def get(self, external_id: UUID) -> Movie: ...  # noqa: D102
    def add(self, movie: Movie) -> None: ...  # noqa: D102
    def remove(self, movie: Movie) -> None: ...  # noqa: D102


class MovieReads(Protocol):
    """Movies as rows; see ``app.repositories.movies``."""

    def get(self, external_id: UUID) -> MovieView: ...  # noqa: D102
    def page(self, query: ListQuery) -> Page[MovieView]: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def movies(self) -> MovieCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class MovieService:
    """The operations on movies. Movies have no owner: access depends only on the scope."""

    def __init__(
        self, *, reads: MovieReads, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock

    @raises()
    @transaction
    def create(self, new: NewMovie, *, by: Principal) -> Movie:
        """Create a movie."""
        with self._unit_of_work() as unit:
            movie = Movie.create(new, by=by.id, at=self._clock.now())
            unit.movies.add(movie)
            unit.commit()
        return movie

    @raises(MovieNotFound, PreconditionFailed)
    def get(self, external_id: UUID, *, precondition: Precondition = NO_PRECONDITION) -> MovieView:
        """Return a movie."""
        movie = self._reads.get(external_id)
        precondition.check(revision(movie.version, movie.update_timestamp))
        return movie

    @raises(InvalidOrderBy)
    def page(self, query: ListQuery) -> Page[MovieView]:
        """Return one page of all movies."""
        return self._reads.page(query)

    @raises(MovieNotFound, PreconditionRequired, PreconditionFailed)
    @transaction
    def replace(self, external_id: UUID, new: NewMovie, *, by: Principal, precondition: Precondition) -> Movie:
        """Replace all data of a movie. Of two concurrent replacements, the second fails its precondition."""
        with self._unit_of_work() as unit:
            movie = unit.movies.get(external_id)
            precondition.check(revision(movie.version, movie.update_timestamp))
            movie.replace(new, by=by.id, at=self._clock.now())
            unit.commit()
        return movie

    @raises(MovieNotFound, PreconditionFailed)
    @transaction
    def delete(self, external_id: UUID, *, precondition: Precondition = NO_PRECONDITION) -> Movie:
        """Delete a movie, and return its last state."""
        with self._unit_of_work() as unit:
            movie = unit.movies.get(external_id)
            precondition.check(revision(movie.version, movie.update_timestamp))
            unit.movies.remove(movie)
            unit.commit()
        return movie
