"""Movies in PostgreSQL and in the fake of the service tests behave alike; and the statements of each request."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.errs.movies import MovieNotFound
from app.models.movies import Movie, NewMovie
from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.repositories.movies import MEMBERS, MovieReads
from app.services import movies as service
from tests.explained_statements import buffers, nodes
from tests.fakes.movies import FakeMovieReads
from tests.fakes.unit_of_work import FakeDatabase
from tests.integration.conftest import Database
from tests.integration.test_list_plans import planned
from tests.integration.test_query_counts import words

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
REPO_MAN = NewMovie(title="Repo Man", rated="R", release_date=NOON, run_time=92, director="Cox", writer="Cox")
SCOPES = "movies:read movies:write"


@dataclass
class Collection:
    """A collection of movies."""

    reads: service.MovieReads
    unit: Callable[[], AbstractContextManager[service.Unit]]

    def added(self, *news: NewMovie) -> list[Movie]:
        """Add movies and commit."""
        movies = [Movie.create(new, by="alice", at=NOON) for new in news]
        with self.unit() as unit:
            for movie in movies:
                unit.movies.add(movie)
            unit.commit()
        return movies

    def titles(self, *where: Comparison, order: tuple[Ordering, ...] = (Ordering("title"),)) -> list[str]:
        """Return the titles of the movies that match."""
        return [movie.title for movie in self.reads.page(ListQuery(where, order, 100)).rows]


@pytest.fixture(params=["memory", "postgres"])
def movies(request: pytest.FixtureRequest) -> Collection:
    """Return one collection, then the other, both empty."""
    if request.param == "memory":
        fake = FakeDatabase()
        return Collection(FakeMovieReads(fake), fake.unit_of_work)
    database: Database = request.getfixturevalue("database")
    unit = cast("Callable[[], AbstractContextManager[service.Unit]]", database.unit_of_work)
    return Collection(MovieReads(database.reads), unit)


def members(movie: Any) -> dict[str, Any]:
    """Return all readable members of a movie."""
    return {name: getattr(movie, name) for name in MEMBERS}


class TestCollection:
    @pytest.mark.parametrize("new", [REPO_MAN, NewMovie(title="Untitled")], ids=["all", "least"])
    def test_an_added_movie_is_read_with_every_member(self, movies: Collection, new: NewMovie) -> None:
        (movie,) = movies.added(new)
        assert members(movies.reads.get(movie.external_id)) == members(movie)
        with movies.unit() as unit:
            assert members(unit.movies.get(movie.external_id)) == members(movie)
            assert unit.movies.get(movie.external_id) is unit.movies.get(movie.external_id)

    def test_an_unknown_id_is_rejected(self, movies: Collection) -> None:
        with pytest.raises(MovieNotFound):
            movies.reads.get(uuid4())
        with movies.unit() as unit, pytest.raises(MovieNotFound):
            unit.movies.get(uuid4())

    @pytest.mark.parametrize("commits", [True, False])
    def test_a_replaced_movie_is_written_with_the_unit(self, movies: Collection, commits: bool) -> None:
        (movie,) = movies.added(REPO_MAN)
        with movies.unit() as unit:
            unit.movies.get(movie.external_id).replace(NewMovie(title="New"), by="bob", at=NOON + timedelta(hours=1))
            if commits:
                unit.commit()
        read = members(movies.reads.get(movie.external_id))
        assert (read["title"], read["run_time"], read["update_username"], read["version"]) == (
            ("New", None, "bob", 2) if commits else ("Repo Man", 92, "alice", 1)
        )

    def test_a_removed_movie_is_gone(self, movies: Collection) -> None:
        movie, _ = movies.added(REPO_MAN, NewMovie(title="other"))
        with movies.unit() as unit:
            unit.movies.remove(unit.movies.get(movie.external_id))
            unit.commit()
        assert movies.titles() == ["other"]

    def test_a_list_is_filtered_and_sorted_with_nulls_last(self, movies: Collection) -> None:
        movies.added(
            *(
                NewMovie(
                    title=title, rated="R" if day else None, release_date=NOON + timedelta(days=day) if day else None
                )
                for title, day in {"a": 3, "b": 0, "c": 1, "d": 2}.items()
            )
        )
        assert movies.titles(order=(Ordering("release_date"),)) == ["c", "d", "a", "b"]
        assert movies.titles(order=(Ordering("release_date", descending=True),)) == ["a", "d", "c", "b"]
        assert movies.titles(Comparison("rated", Operator.NE, "R")) == ["b"]
        assert movies.titles(Comparison("release_date", Operator.GT, NOON + timedelta(days=1))) == ["a", "d"]

    def test_pages_go_on_behind_the_last_row(self, movies: Collection) -> None:
        movies.added(*(NewMovie(title=title) for title in "bbcab"))
        order = (Ordering("title"),)
        first = movies.reads.page(ListQuery((), order, 2))
        assert first.next is not None
        assert (first.total_size, first.next.keys) == (5, ("b", str(first.rows[-1].external_id)))
        rest = movies.reads.page(ListQuery((), order, 9, first.next))
        assert [movie.title for movie in (*first.rows, *rest.rows)] == [*"abbbc"]
        assert rest.next is None


@pytest.fixture
def path(client: FlaskClient, bearer: Callable[..., dict[str, str]], statements: list[str]) -> str:
    """Return the path of a movie; the statements of its creation are discarded."""
    created = client.post("/v1/movies", json={"title": "Repo Man"}, headers=bearer(scopes=SCOPES))
    assert words(statements) == ["INSERT", "COMMIT"]
    statements.clear()
    return created.headers["Location"]


class TestCosts:
    @pytest.mark.parametrize(
        ("request_", "cost"),
        [
            ({"method": "GET"}, ["SELECT"]),
            ({"method": "GET", "path": "/v1/movies"}, ["SELECT"]),
            ({"method": "PUT", "json": {"title": "New"}}, ["SELECT", "UPDATE", "COMMIT"]),
            ({"method": "DELETE"}, ["SELECT", "DELETE", "COMMIT"]),
        ],
        ids=["get", "list", "replace", "delete"],
    )
    def test_each_request_is_as_few_statements_as_it_takes(
        self,
        client: FlaskClient,
        bearer: Callable[..., dict[str, str]],
        path: str,
        statements: list[str],
        request_: dict[str, Any],
        cost: list[str],
    ) -> None:
        headers = {**bearer(scopes=SCOPES), "If-Match": "*"}
        assert client.open(**{"path": path, "headers": headers, **request_}).status_code == 200
        assert words(statements) == cost
        assert all(statement.endswith("FOR UPDATE") for statement in statements if cost[1:] and statement[0] == "S")


class TestPlans:
    """C17: every order has an index."""

    ROWS = 10_000

    @pytest.fixture
    def full(self, database: Database) -> Database:
        """Return a database full of movies, every fourth without a date and a director."""
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO movies (external_id, title, release_date, director, create_username, "
                    "create_timestamp, update_username, update_timestamp, version) "
                    "SELECT gen_random_uuid(), 'movie ' || n * 7919 % 20011, "
                    "CASE WHEN n % 4 > 0 THEN now() + (n * 7919 % 20011) * interval '1 minute' END, "
                    "CASE WHEN n % 4 > 0 THEN 'director ' || n % 101 END, "
                    "'alice', now() + n % 10007 * interval '1 second', 'alice', now(), 1 "
                    "FROM generate_series(1, :rows) AS n"
                ),
                {"rows": self.ROWS},
            )
            connection.execute(text("ANALYZE movies"))
        return database

    def test_a_deep_page_touches_about_as_much_as_the_first(self, full: Database) -> None:
        reads = MovieReads(full.reads)
        for member in ("title", "release_date", "director", "create_timestamp"):
            for descending in (False, True):
                order = (Ordering(member, descending),)
                deep = reads.page(ListQuery((), order, 6000)).next
                for after in (None, deep):
                    plan = planned(full, ListQuery((), order, 50, after), reads)
                    assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}, (order, plan)
                    assert buffers(plan) < 400, (order, plan)
