"""Fixtures for services on fakes: no database, and a clock that the test sets."""

import pytest

from app.request_context import Principal
from tests.fakes.clock import FakeClock
from tests.fakes.unit_of_work import FakeDatabase


@pytest.fixture
def database() -> FakeDatabase:
    """Return an empty database."""
    return FakeDatabase()


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock of the services."""
    return FakeClock()


@pytest.fixture
def alice() -> Principal:
    """Return a caller."""
    return Principal("alice", frozenset({"tasks"}))


@pytest.fixture
def bob() -> Principal:
    """Return a second caller."""
    return Principal("bob", frozenset({"tasks"}))


@pytest.fixture
def admin() -> Principal:
    """Return an administrator."""
    return Principal("root", frozenset({"admin"}))
