"""Customers, and products to order."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.caller import Caller
from tests.api.conftest import Bearer
from tests.api.orders.order import create, stock


@pytest.fixture(autouse=True)
def products(client: FlaskClient, app: Flask) -> None:
    """Load products to order."""
    stock(app)


@pytest.fixture
def alice(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return a customer."""
    return Caller(client, bearer("alice", "orders"))


@pytest.fixture
def bob(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return another customer."""
    return Caller(client, bearer("bob", "orders"))


@pytest.fixture
def created(alice: Caller) -> TestResponse:
    """Return the response to a creation by alice."""
    return create(alice)
