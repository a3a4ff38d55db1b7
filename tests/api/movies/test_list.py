"""GET /v1/movies: pages, filters, orders and projections of the shared list."""

import base64
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.api.caller import Caller, answered, rejected, violated
from tests.api.movies.movie import MOVIES, create, made, path_of

pytestmark = pytest.mark.slow

ORDERS = [
    f"{member}{way}" for member in ("title", "release_date", "director", "create_timestamp") for way in ("", " desc")
]


@pytest.fixture
def movies(writer: Caller) -> list[dict[str, Any]]:
    """Return twelve movies, with ties and with nulls."""
    return [
        made(
            writer,
            title=f"movie {n // 2}",
            rated=("R", "PG-13", None)[n % 3],
            release_date=None if n % 4 == 0 else f"{1980 + n % 5}-03-02T00:00:00Z",
            director=None if n % 5 == 0 else f"director {n % 4}",
        )
        for n in range(12)
    ]


def pages(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    """Return every page of a list."""
    found: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        found.append(answered(caller.get(MOVIES, query_string={**query, "page_token": token})))
        token = found[-1]["next_page_token"]
    return found


class TestPages:
    def test_ok(self, reader: Caller, movies: list[dict[str, Any]]) -> None:
        """C14, C17: movies of all users, the newest first."""
        assert answered(reader.get(MOVIES)) == {"movies": movies[::-1], "next_page_token": None, "total_size": 12}

    @pytest.mark.parametrize("order_by", ORDERS)
    def test_all_pages_together_are_the_list(self, reader: Caller, movies: list[dict[str, Any]], order_by: str) -> None:
        """C17: with nulls last and ties."""
        whole = answered(reader.get(MOVIES, query_string={"order_by": order_by}))["movies"]
        walked = pages(reader, order_by=order_by, page_size=5)
        assert [movie for page in walked for movie in page["movies"]] == whole
        assert [page["total_size"] for page in walked] == [12] * 3
        assert len({movie["external_id"] for movie in whole}) == 12
        values = [movie[order_by.partition(" ")[0]] for movie in whole]
        present = [value for value in values if value is not None]
        assert present == sorted(present, reverse=order_by.endswith("desc"))
        assert values[len(present) :] == [None] * (12 - len(present))

    @pytest.mark.parametrize("order_by", ["title", "release_date desc", ""])
    def test_during_concurrent_writes_no_movie_is_repeated_or_skipped(
        self, reader: Caller, writer: Caller, movies: list[dict[str, Any]], order_by: str
    ) -> None:
        """C17."""
        doomed = movies[::4]
        seen: list[str] = []
        token: str | None = ""
        waiting = list(doomed)
        while token is not None:
            query = {"order_by": order_by, "page_size": 2, "page_token": token}
            page = answered(reader.get(MOVIES, query_string=query))
            seen += [movie["external_id"] for movie in page["movies"]]
            token = page["next_page_token"]
            if waiting:
                made(writer, title="a movie")
                answered(writer.delete(path_of(waiting.pop())))
        assert len(seen) == len({*seen})
        assert {movie["external_id"] for movie in movies} - {movie["external_id"] for movie in doomed} <= {*seen}

    def test_a_page_token_is_valid_only_for_its_caller_and_list(
        self, reader: Caller, editor: Caller, alice: Caller, movies: list[dict[str, Any]]
    ) -> None:
        """C17: movies are shared, page tokens are not."""
        query = {"page_size": "2", "order_by": "title"}
        token = answered(reader.get(MOVIES, query_string=query))["next_page_token"]
        answered(reader.get(MOVIES, query_string={**query, "page_token": token}))
        others = [
            editor.get(MOVIES, query_string={**query, "page_token": token}),
            reader.get(MOVIES, query_string={"page_token": token}),
            reader.get(MOVIES, query_string={**query, "page_token": token, "filter": "rated = R"}),
            alice.get("/v1/tasks", query_string={"page_token": token}),
        ]
        for response in others:
            rejected(response, 400, "INVALID_PAGE_TOKEN")
        for n in range(len(token)):
            forged = token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
            rejected(reader.get(MOVIES, query_string={**query, "page_token": forged}), 400, "INVALID_PAGE_TOKEN")

    def test_database_keys_are_not_exposed(self, writer: Caller, app: Flask) -> None:
        """Neither in a movie nor in a page token."""
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE movies ALTER id RESTART WITH 74656667778"))
        contents = [create(writer).get_data() for _ in range(3)]
        page = writer.get(f"{MOVIES}?page_size=1")
        token = answered(page)["next_page_token"]
        contents += [page.get_data(), base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))]
        contents += [writer.get(f"{MOVIES}?page_token={token}").get_data()]
        assert not [each for each in contents if b"7465666777" in each]
        assert contents[-2].count(answered(page)["movies"][0]["external_id"].encode()) == 1


FILTERS: list[tuple[str, list[int]]] = [
    ('title = "movie 1"', [2, 3]),
    ('title != "movie 1" AND title < "movie 3"', [0, 1, 4, 5]),
    ("rated = R", [0, 3, 6, 9]),
    ('rated = "PG-13"', [1, 4, 7, 10]),
    ("rated = null", [2, 5, 8, 11]),
    ("rated != R AND rated != null", [1, 4, 7, 10]),
    ('release_date >= "1983-03-02T00:00:00Z"', [3, 9]),
    ('release_date = "1981-03-02T01:00:00+01:00"', [1, 6, 11]),
    ("release_date = null", [0, 4, 8]),
    ('director = "director 1"', [1, 9]),
    ("director != null AND rated = R", [3, 6, 9]),
    ('title = "%"', []),
    ('title = "\' OR 1=1 --"', []),
]


class TestFilters:
    @pytest.mark.parametrize(("expression", "expected"), FILTERS)
    def test_matching_movies_are_found(
        self, reader: Caller, movies: list[dict[str, Any]], expression: str, expected: list[int]
    ) -> None:
        """C18."""
        page = answered(reader.get(MOVIES, query_string={"filter": expression, "order_by": "create_timestamp"}))
        assert page == {
            "movies": [movies[n] for n in expected],
            "next_page_token": None,
            "total_size": len(expected),
        }

    @pytest.mark.parametrize(
        "expression",
        [
            *("id = 1", "version = 1", "writer = x", "run_time > 5", "create_username = wanda", "nonsense", "title"),
            *("title = null", "release_date = R", 'release_date = "soon"', "rated : R", "title = a OR title = b"),
        ],
    )
    def test_an_invalid_filter_is_rejected_with_the_offending_token(self, reader: Caller, expression: str) -> None:
        """C18."""
        document = rejected(reader.get(MOVIES, query_string={"filter": expression}), 400, "INVALID_FILTER")
        assert document["param"] == "filter"

    @pytest.mark.parametrize("expression", ["id", "run_time", "writer", "title up", "title,title", "version desc"])
    def test_an_order_that_is_not_allowed_is_rejected(self, reader: Caller, expression: str) -> None:
        """C18."""
        rejected(reader.get(MOVIES, query_string={"order_by": expression}), 400, "INVALID_ORDER_BY")


class TestProjection:
    def test_items_have_only_the_requested_members(self, reader: Caller, movies: list[dict[str, Any]]) -> None:
        """C19: in the order of the resource."""
        page = answered(reader.get(f"{MOVIES}?fields=run_time,title&page_size=1&order_by=title"))
        assert list(page) == ["movies", "next_page_token", "total_size"]
        assert page["movies"] == [{"title": "movie 0", "run_time": 92}]

    @pytest.mark.parametrize("name", ["id", "version", "movies", "total_size"])
    def test_an_unknown_member_is_a_violation(self, reader: Caller, name: str) -> None:
        """C19."""
        assert [field for field, _ in violated(reader.get(f"{MOVIES}?fields={name}"))] == ["fields"]
