"""Fixtures that give each test a fresh application, like the idioms; tests add extensions before its first request.

The tests run in their own environment (``make ecosystem``), because the application itself needs none of the packages.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from tests.conftest import EMPTY
from tests.idioms.conftest import _push_request_context, app, bearer, make_application, token

__all__ = ["_push_request_context", "app", "bearer", "make_application", "token"]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a test client that checks the header fields common to all responses."""
    return app.test_client()


@pytest.fixture
def empty_tables(app: Flask) -> Iterator[None]:
    """Empty the tables after the test."""
    yield
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)
