"""Callers who read and write movies."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.caller import Caller
from tests.api.conftest import Bearer
from tests.api.movies.movie import create


@pytest.fixture
def writer(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return a caller with all scopes for movies."""
    return Caller(client, bearer("wanda", "movies:read movies:write"))


@pytest.fixture
def editor(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return another caller with all scopes for movies."""
    return Caller(client, bearer("edna", "movies:read movies:write"))


@pytest.fixture
def reader(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return a caller who may only read movies."""
    return Caller(client, bearer("rita", "movies:read"))


@pytest.fixture
def created(writer: Caller) -> TestResponse:
    """Return the response to a creation."""
    return create(writer)
