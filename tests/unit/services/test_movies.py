"""The use cases of movies, with every error that they declare."""

from uuid import uuid4

import pytest

from app.errs.movies import MovieNotFound
from app.errs.requests import PreconditionFailed, PreconditionRequired
from app.models.movies import Movie, NewMovie
from app.models.precondition import NO_PRECONDITION, Precondition
from app.models.query import ListQuery, Ordering
from app.request_context import Principal
from app.services.movies import MovieService
from tests.fakes.clock import FakeClock
from tests.fakes.movies import FakeMovieReads
from tests.fakes.unit_of_work import FakeDatabase

STALE = Precondition(frozenset({"9-0"}))


@pytest.fixture
def movies(database: FakeDatabase, clock: FakeClock) -> MovieService:
    """Return the service."""
    return MovieService(reads=FakeMovieReads(database), unit_of_work=database.unit_of_work, clock=clock)


@pytest.fixture
def repo_man(movies: MovieService, alice: Principal) -> Movie:
    """Return a movie that alice created."""
    return movies.create(NewMovie(title="Repo Man", run_time=92, director="Alex Cox"), by=alice)


class TestCreate:
    def test_ok(self, repo_man: Movie, clock: FakeClock, database: FakeDatabase) -> None:
        assert (repo_man.title, repo_man.run_time, repo_man.rated) == ("Repo Man", 92, None)
        assert (repo_man.create_username, repo_man.update_username, repo_man.version) == ("alice", "alice", 1)
        assert (repo_man.create_timestamp, repo_man.update_timestamp) == (clock.now(), clock.now())
        assert (list(database.movies), database.commits) == ([repo_man.external_id], 1)


class TestGet:
    def test_ok(self, movies: MovieService, repo_man: Movie) -> None:
        assert movies.get(repo_man.external_id).title == "Repo Man"

    def test_an_unknown_id_is_rejected(self, movies: MovieService) -> None:
        with pytest.raises(MovieNotFound):
            movies.get(uuid4())

    def test_an_unexpected_version_is_rejected(self, movies: MovieService, repo_man: Movie) -> None:
        with pytest.raises(PreconditionFailed):
            movies.get(repo_man.external_id, precondition=STALE)


class TestPage:
    def test_ok(self, movies: MovieService, repo_man: Movie, bob: Principal) -> None:
        movies.create(NewMovie(title="Alien"), by=bob)
        page = movies.page(ListQuery((), (Ordering("title"),), 10))
        assert ([movie.title for movie in page.rows], page.total_size) == (["Alien", "Repo Man"], 2)


class TestReplace:
    def test_ok(self, movies: MovieService, repo_man: Movie, bob: Principal, clock: FakeClock) -> None:
        made = clock.now()
        clock.advance(hours=1)
        new = NewMovie(title="Repo Men", run_time=111)
        movie = movies.replace(repo_man.external_id, new, by=bob, precondition=NO_PRECONDITION)
        assert (movie.title, movie.run_time, movie.director, movie.version) == ("Repo Men", 111, None, 2)
        assert (movie.create_username, movie.create_timestamp) == ("alice", made)
        assert (movie.update_username, movie.update_timestamp) == ("bob", clock.now())
        assert movies.get(repo_man.external_id).version == 2

    def test_an_unknown_id_is_rejected_with_any_precondition(self, movies: MovieService, bob: Principal) -> None:
        with pytest.raises(MovieNotFound):
            movies.replace(uuid4(), NewMovie(title="x"), by=bob, precondition=Precondition(is_missing=True))

    @pytest.mark.parametrize(
        ("precondition", "error"), [(Precondition(is_missing=True), PreconditionRequired), (STALE, PreconditionFailed)]
    )
    def test_a_missing_precondition_is_rejected(
        self,
        movies: MovieService,
        repo_man: Movie,
        bob: Principal,
        precondition: Precondition,
        error: type[Exception],
    ) -> None:
        with pytest.raises(error):
            movies.replace(repo_man.external_id, NewMovie(title="x"), by=bob, precondition=precondition)
        assert movies.get(repo_man.external_id).title == "Repo Man"


class TestDelete:
    def test_ok(self, movies: MovieService, repo_man: Movie, database: FakeDatabase) -> None:
        assert movies.delete(repo_man.external_id).title == "Repo Man"
        assert database.movies == {}

    def test_an_unknown_id_is_rejected(self, movies: MovieService) -> None:
        with pytest.raises(MovieNotFound):
            movies.delete(uuid4())

    def test_an_unexpected_version_is_rejected(
        self, movies: MovieService, repo_man: Movie, database: FakeDatabase
    ) -> None:
        with pytest.raises(PreconditionFailed):
            movies.delete(repo_man.external_id, precondition=STALE)
        assert list(database.movies) == [repo_man.external_id]
