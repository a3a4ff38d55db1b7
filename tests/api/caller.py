"""A caller of the API: a client with credentials, and the checks that most tests share."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.response_checks import strict

T = TypeVar("T")
TASKS: Final = "/v1/tasks"
BATCH: Final = "/v1/tasks:batchCreate"
ABSENT: Final = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
JSON: Final = "application/json"
WRITES: Final = (("POST", TASKS), ("POST", BATCH), ("PATCH", ABSENT))
"""Every operation that reads a body."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of the API with its credentials."""

    client: FlaskClient
    credentials: Mapping[str, str]

    def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any) -> TestResponse:
        """Send a request with the caller's credentials."""
        return self.client.open(path, method=method, headers={**self.credentials, **(headers or {})}, **request)

    def get(self, path: str, **request: Any) -> TestResponse:
        """Send a GET."""
        return self.send("GET", path, **request)

    def post(self, path: str = TASKS, **request: Any) -> TestResponse:
        """Send a POST."""
        return self.send("POST", path, **request)

    def put(self, path: str, **request: Any) -> TestResponse:
        """Send a PUT."""
        return self.send("PUT", path, **request)

    def patch(self, path: str, **request: Any) -> TestResponse:
        """Send a PATCH."""
        return self.send("PATCH", path, **request)

    def delete(self, path: str, **request: Any) -> TestResponse:
        """Send a DELETE."""
        return self.send("DELETE", path, **request)

    def create(self, title: object = "Buy milk", **members: Any) -> TestResponse:
        """Send a request to create a task."""
        return self.post(json={"task": {"title": title, **members}})

    def task(self, title: str = "Buy milk", **members: Any) -> dict[str, Any]:
        """Create a task and return it."""
        return answered(self.create(title, **members), 201)

    def batch(self, *tasks: Mapping[str, Any], **request: Any) -> TestResponse:
        """Send a request to create several tasks."""
        return self.post(BATCH, json={"requests": [{"task": task} for task in tasks]}, **request)

    def list_tasks(self, *, within: str | None = None, **query: Any) -> TestResponse:
        """Request a list of tasks, optionally with a time limit in seconds."""
        headers = {} if within is None else {"Request-Timeout": within}
        return self.get(TASKS, query_string=query, headers=headers)

    def titles(self, **query: Any) -> list[str]:
        """Return the titles of one page."""
        return [task["title"] for task in answered(self.list_tasks(**query))["tasks"]]

    def pages(self, **query: Any) -> Iterator[dict[str, Any]]:
        """Walk a list from its first page to its last."""
        token: str | None = ""
        while token is not None:
            page = answered(self.list_tasks(**query, page_token=token))
            yield page
            token = page["next_page_token"]


def path_of(task: Mapping[str, Any]) -> str:
    """Return the path of a task."""
    return f"/v1/{task['name']}"


def answered(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """Return the JSON of a response with this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    return strict(response.get_data())


def rejected(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a response with this status and code."""
    document = answered(response, status)
    assert document["code"] == code, document
    return document


def violated(response: TestResponse) -> list[tuple[str, str]]:
    """Return the fields and codes of the violations, in their order."""
    document = rejected(response, 400, "VALIDATION_FAILED")
    return [(violation["field"], violation["code"]) for violation in document["errors"]]


def at_once(times: int, call: Callable[[int], T], *, threads: int = 16) -> list[T]:
    """Return the results of ``times`` calls, made by several threads at once."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, range(times)))
