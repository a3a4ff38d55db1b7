"""The collection of movies in memory; a contract test compares it with ``app.repositories.movies``."""

from typing import Any, Final, Protocol, cast
from uuid import UUID

from app.errs.movies import MovieNotFound
from app.models.movies import Movie, MovieView
from app.models.query import ListQuery, Page
from app.repositories.movies import MEMBERS
from tests.fakes import listing

BODY: Final[dict[str, Any]] = {"title": "Sample"}
"""A valid body, with the required properties."""


class Storage(Protocol):
    """The rows, by ID."""

    movies: dict[UUID, dict[str, Any]]


class FakeMovieReads:
    """Reads movies as rows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def get(self, external_id: UUID) -> MovieView:
        """Return the movie."""
        if external_id not in self._storage.movies:
            raise MovieNotFound
        return cast("MovieView", listing.view(self._storage.movies[external_id]))

    def page(self, query: ListQuery) -> Page[MovieView]:
        """Return one page of the matching movies."""
        return listing.page(self._storage.movies.values(), query, key="external_id")


class FakeMovieRepository:
    """Movies as entities, inside a unit of work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._held: dict[UUID, Movie] = {}

    def get(self, external_id: UUID) -> Movie:
        """Return the movie; the unit writes its changes."""
        if external_id not in self._storage.movies:
            raise MovieNotFound
        return self._held.setdefault(external_id, Movie(**self._storage.movies[external_id]))

    def add(self, movie: Movie) -> None:
        """Add the movie."""
        self._held[movie.external_id] = movie
        self.flush()

    def remove(self, movie: Movie) -> None:
        """Remove the movie."""
        del self._storage.movies[movie.external_id]
        self._held.pop(movie.external_id, None)

    def flush(self) -> None:
        """Write the changes."""
        for movie in self._held.values():
            self._storage.movies[movie.external_id] = {name: getattr(movie, name) for name in MEMBERS}
