"""Who reads movies, and who writes them."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.caller import Caller
from tests.api.conftest import Bearer
from tests.api.movies.movie import create


@pytest.fixture
def writer(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return somebody who may do everything with movies."""
    return Caller(client, bearer("wanda", "movies:read movies:write"))


@pytest.fixture
def editor(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return another one."""
    return Caller(client, bearer("edna", "movies:read movies:write"))


@pytest.fixture
def reader(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return somebody who may look at movies only."""
    return Caller(client, bearer("rita", "movies:read"))


@pytest.fixture
def created(writer: Caller) -> TestResponse:
    """Return the answer to a creation."""
    return create(writer)
