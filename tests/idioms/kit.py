"""Helpers of the idiom tests: the tested application, and checks of responses."""

import os
from typing import Any, Final

import flask_smorest
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.rest import blueprint, operations

ON_FLASK: Final = os.environ.get("IDIOMS_ON") == "flask"
"""True if the tests run on a plain Flask application."""
candor_only: Final = pytest.mark.skipif(ON_FLASK, reason="this project adds it to Flask")
PUBLIC: Final = operations.PUBLIC
INVALID: Final = 422 if ON_FLASK else 400
"""The status for input that violates a schema."""


class CheckedClient(FlaskClient):
    """Flask's test client; it asserts the properties common to all responses."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check the response."""
        response = super().open(*args, **kwargs)
        every_answer(response)
        return response


def every_answer(response: TestResponse) -> None:
    """Assert the header fields common to all responses, from any source."""
    for each in (*response.history, response):
        if not ON_FLASK:
            assert each.headers.getlist("X-Request-Id") == each.headers.getlist("Request-Id")
            assert len(each.headers.getlist("X-Request-Id")) == 1
            assert each.headers.getlist("X-Content-Type-Options") == ["nosniff"]


def problem(
    response: TestResponse, status: int, *, code: str | None = None, detail: str | None = None
) -> dict[str, Any]:
    """Assert that the response is a problem document with this status; on plain Flask, that it has this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    if ON_FLASK:
        return {}
    if status in {401, 403}:
        assert response.get_data() == b""
        assert response.headers["Content-Length"] == "0"
        return {}
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.get_json()
    assert document["status"] == status
    assert document["request_id"] == response.headers["X-Request-Id"]
    assert code is None or document["code"] == code
    assert detail is None or document["detail"] == detail
    return document


def fields(response: TestResponse) -> dict[str, list[str]]:
    """Return the codes of violations by field."""
    found: dict[str, list[str]] = {}
    for each in response.get_json()["errors"]:
        found.setdefault(each["field"], []).append(each["code"])
    return found


def access_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of every access log entry."""
    return [record.__dict__["fields"] for record in caplog.records if record.name == "candor.access"]


def error_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of every error log entry."""
    return [record.__dict__["fields"] for record in caplog.records if record.name == "candor.errors"]


class _StockBlueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint; it accepts the additional arguments of this project's blueprint and ignores them."""

    def __init__(self, *args: Any, scope: str | None = None, scope_to_write: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


Blueprint: Final[Any] = _StockBlueprint if ON_FLASK else blueprint.Blueprint
