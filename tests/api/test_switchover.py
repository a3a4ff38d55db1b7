"""A switchover while the address of the database leads to the demoted primary for some seconds, and cuts no session."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from flask import Flask
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from app.extensions import db
from app.repositories.pool import BoundedPool
from app.resilience.breaker import State
from tests import replication
from tests.api.caller import Caller, answered
from tests.api.conftest import Bearer
from tests.replication import Balancer, Pair

pytestmark = pytest.mark.slow

LATE = 2.0
"""Seconds in which the balancer still leads to the demoted primary."""
SOON = 3.0
"""Seconds after which the service must work again, on a busy machine. Without load, it takes half a second."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return a primary and its standby."""
    with replication.pair(tmp_path_factory.mktemp("switchover")) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def url(nodes: Pair) -> str:
    """Return the URL of a migrated database on the primary."""
    return nodes.migrated_url()


@pytest.fixture
def balancer(nodes: Pair) -> Iterator[Balancer]:
    """Return the balancer."""
    with closing(Balancer(nodes.primary.address)) as balancer:
        yield balancer


@pytest.fixture
def served(make_application: Callable[..., Flask], url: str, balancer: Balancer) -> Flask:
    """Return an application on that address."""
    return make_application(database_url=make_url(url).set(port=balancer.port).render_as_string(hide_password=False))


def test_each_connection_to_the_demoted_primary_is_replaced(
    nodes: Pair, balancer: Balancer, served: Flask, bearer: Bearer
) -> None:
    caller, title = Caller(served.test_client(), bearer("alice")), 0
    with served.app_context():
        pool = db.engine.pool
    assert isinstance(pool, BoundedPool)
    assert pool.breaker is not None
    answered(caller.create("before"), 201)
    nodes.switch_over()
    demoted_at = time.monotonic()
    statuses, reads, made = set[int](), list[int](), balancer.made
    while time.monotonic() < demoted_at + LATE:
        title += 1
        statuses.add(caller.create(f"during {title}").status_code)
        reads.append(caller.list_tasks().status_code)
        time.sleep(0.02)
    assert statuses == {503}
    assert set(reads[len(reads) // 2 :]) == {200}
    assert balancer.made - made <= 6 + 2 * LATE / 0.5
    balancer.target = nodes.primary.address
    moved_at, failed_at = time.monotonic(), time.monotonic()
    while time.monotonic() < max(moved_at + 1, failed_at + 1):
        title += 1
        if caller.create(f"after {title}").status_code != 201:
            failed_at = time.monotonic()
            assert failed_at - moved_at < SOON
    assert pool.breaker.state() is State.CLOSED
    assert caller.get("/readyz").status_code == 200
    assert f"after {title}" in caller.titles()


def test_reads_alone_leave_the_demoted_primary_too(nodes: Pair, balancer: Balancer, served: Flask) -> None:
    """PostgreSQL reports with each new session whether it is a standby."""

    def is_stale() -> bool:
        with served.app_context(), db.engine.connect() as connection:
            return bool(connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one())

    assert not is_stale()
    nodes.switch_over()
    until = time.monotonic() + 5
    while True:
        with suppress(DBAPIError):
            if is_stale():
                break
        assert time.monotonic() < until
    balancer.target = nodes.primary.address
    time.sleep(1)
    assert not any(is_stale() for _ in range(20))
