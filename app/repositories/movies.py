"""The collection of movies."""

from typing import Final, cast
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errs.movies import MovieNotFound
from app.models.movies import Movie, MovieView
from app.models.query import ListQuery, Page
from app.repositories import listing
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

COLUMNS: Final = tuple(column for column in Movie.__table__.columns if column.key != "id")
MEMBERS: Final = {column.key: column for column in COLUMNS}
ONE: Final = CompiledStatement(select(*COLUMNS).where(Movie.external_id == bindparam("of")))


class MovieReads:
    """Reads movies as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def get(self, external_id: UUID) -> MovieView:
        """Return the movie.

        Raises:
            MovieNotFound: there is no movie with this ID.
        """
        row = self._reads.first(ONE, of=external_id)
        if row is None:
            raise MovieNotFound
        return cast("MovieView", row)

    def page(self, query: ListQuery) -> Page[MovieView]:
        """Return one page of the movies that match."""
        return cast("Page[MovieView]", listing.page(self._reads, COLUMNS, MEMBERS, query, key="external_id"))


class MovieRepository:
    """Movies as entities, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, external_id: UUID) -> Movie:
        """Return the movie, locked until the unit of work ends.

        Raises:
            MovieNotFound: there is no movie with this ID.
        """
        statement = select(Movie).where(Movie.external_id == external_id)
        movie = self._session.scalar(statement.with_for_update().execution_options(populate_existing=True))
        if movie is None:
            raise MovieNotFound
        return movie

    def add(self, movie: Movie) -> None:
        """Add the movie."""
        self._session.add(movie)
        self._session.flush()

    def remove(self, movie: Movie) -> None:
        """Remove the movie."""
        self._session.delete(movie)
        self._session.flush()
