"""Services on fakes: no database, no clock but one that is moved by hand."""

import pytest

from app.context import Principal
from tests.fakes.clock import FakeClock
from tests.fakes.unit_of_work import FakeDatabase


@pytest.fixture
def database() -> FakeDatabase:
    """Return an empty database."""
    return FakeDatabase()


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock that the services go by."""
    return FakeClock()


@pytest.fixture
def alice() -> Principal:
    """Return a caller."""
    return Principal("alice", frozenset({"tasks"}))


@pytest.fixture
def bob() -> Principal:
    """Return another."""
    return Principal("bob", frozenset({"tasks"}))


@pytest.fixture
def admin() -> Principal:
    """Return one who may do everything."""
    return Principal("root", frozenset({"admin"}))
