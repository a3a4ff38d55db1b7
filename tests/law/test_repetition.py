"""Retries never apply a change twice, if the response allows them: every operation, before and after a COMMIT."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.errs.platform import ServiceUnavailable
from app.errs.requests import InvalidIdempotencyKey, PreconditionFailed
from app.extensions import db
from app.rest import operations
from app.rest.operations import Operation
from tests.samples import BODIES, path_of

Bearer = Callable[..., dict[str, str]]
DOUBT = "may have applied the change"
KEY = {"Idempotency-Key": "repetition-1"}
VERSION = {"If-Match": '"1-00000000"'}
REPEATABLE = {"GET", "PUT", "DELETE"}


def touching_the_database(app: Flask) -> list[Operation]:
    """Return the operations that a database failure affects."""
    unique = {each.name: each for each in operations.table(app).values()}
    found = [each for each in unique.values() if ServiceUnavailable in each.raises]
    assert len(found) > 20
    return found


def sent(app: Flask, operation: Operation, headers: dict[str, str]) -> TestResponse:
    """Send an operation's valid request."""
    method = operation.name.partition(" ")[0]
    return app.test_client().open(
        path_of(operation.name), method=method, json=BODIES.get(operation.name), headers=headers
    )


def commit_and_fail() -> None:
    """Commit a transaction, then fail."""
    with db.engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1")
    raise ServiceUnavailable("later", retry_after=1)


def fail() -> None:
    """Fail before a statement is sent to the database."""
    raise ServiceUnavailable("later", retry_after=1)


def failed(response: TestResponse) -> dict[str, Any]:
    """Return the document of a 503."""
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    document = response.json
    assert isinstance(document, dict)
    assert ("retry" in document) is document["retryable"]
    return document


class TestBeforeAnyStatement:
    @pytest.fixture
    def unreachable(self, make_application: Callable[..., Flask]) -> Flask:
        """Return an application without its database."""
        return make_application(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")

    def test_every_operation_is_retryable_and_its_outcome_is_known(self, unreachable: Flask, bearer: Bearer) -> None:
        for operation in touching_the_database(unreachable):
            document = failed(sent(unreachable, operation, bearer(scopes="admin")))
            assert document["retryable"], operation.name
            assert DOUBT not in document.get("detail", ""), operation.name


class TestAfterACommit:
    @pytest.fixture
    def failing(self, make_application: Callable[..., Flask]) -> Flask:
        """Return an application that commits a transaction in each request, and fails then."""
        app = make_application()
        app.before_request(commit_and_fail)
        return app

    @pytest.mark.parametrize("more", [{}, KEY, VERSION, {"If-Match": "*"}], ids=str)
    def test_only_operations_that_are_safe_to_repeat_are_retryable(
        self, failing: Flask, bearer: Bearer, more: dict[str, str]
    ) -> None:
        for operation in touching_the_database(failing):
            method, is_keyed = operation.name.partition(" ")[0], InvalidIdempotencyKey in operation.raises
            document = failed(sent(failing, operation, bearer(scopes="admin") | more))
            is_versioned = more is VERSION and PreconditionFailed in operation.raises
            expected = method in REPEATABLE or (more is KEY and is_keyed) or is_versioned
            assert document["retryable"] is expected, operation.name
            assert DOUBT in document["detail"], operation.name

    def test_the_outcome_of_the_next_request_is_known(self, failing: Flask, bearer: Bearer) -> None:
        """A COMMIT of one request does not affect another request in the same thread."""
        creation = next(each for each in touching_the_database(failing) if each.name == "POST /v1/tasks")
        document = failed(sent(failing, creation, bearer(scopes="admin")))
        assert (document["retryable"], DOUBT in document["detail"]) == (False, True)
        hooks = failing.before_request_funcs[None]
        hooks[hooks.index(commit_and_fail)] = fail
        document = failed(sent(failing, creation, bearer(scopes="admin")))
        assert (document["retryable"], DOUBT in document["detail"]) == (True, False)
