"""A movie as tests send it, and the requests that most tests share."""

from typing import Any, Final

from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered

MOVIES: Final = "/v1/movies"
ABSENT: Final = "/v1/movies/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
REPO_MAN: Final[dict[str, Any]] = {
    "title": "Repo Man",
    "rated": "R",
    "release_date": "1984-03-02T00:00:00Z",
    "run_time": 92,
    "director": "Alex Cox",
    "writer": "Alex Cox",
}


def create(caller: Caller, **members: Any) -> TestResponse:
    """Send a request to create Repo Man, optionally with other members."""
    return caller.post(MOVIES, json={**REPO_MAN, **members})


def made(caller: Caller, **members: Any) -> dict[str, Any]:
    """Create a movie and return it."""
    return answered(create(caller, **members), 201)


def path_of(movie: dict[str, Any]) -> str:
    """Return the path of a movie."""
    return f"{MOVIES}/{movie['external_id']}"


def titles(caller: Caller, **query: Any) -> list[str]:
    """Return the titles of one page."""
    return [movie["title"] for movie in answered(caller.get(MOVIES, query_string=query))["movies"]]
