"""Failures of dependencies count by name and operation; errors of clients do not."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from socket import create_server

import pytest
from flask import Flask

from app.clients.http import HttpClient
from app.clients.redis_rate_limit_store import RedisRateLimitStore
from app.errs import Error
from tests.api.caller import Caller, rejected
from tests.api.test_database_faults import AT_COMMIT, DIE, RAISE, Faults, admin_engine, faulty, full_budget
from tests.response_checks import CheckedClient
from tests.scrape import growth

__all__ = ["admin_engine", "faulty", "full_budget"]
ERRORS = "dependency_errors_total"


@pytest.fixture
def nowhere() -> int:
    """Return a port without a listener."""
    with closing(create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
    return port


class TestDatabase:
    def test_a_connection(self, make_application: Callable[..., Flask], alice: Caller, nowhere: int) -> None:
        app = make_application(database_url=f"postgresql+psycopg://nobody@127.0.0.1:{nowhere}/nothing")
        with growth(ERRORS, dependency="database", operation="connect") as counted:
            rejected(Caller(app.test_client(), alice.credentials).list_tasks(), 503, "SERVICE_UNAVAILABLE")
        assert counted.by >= 1

    @pytest.mark.parametrize("sqlstate", ["53200", "40001", "XX000"])
    def test_a_statement(self, alice: Caller, faulty: Faults, sqlstate: str) -> None:
        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        fault = RAISE.format(sqlstate=sqlstate)
        with growth(ERRORS, dependency="database", operation="execute") as counted, faulty(fault) as tries:
            assert alice.create("failing").status_code in {500, 503}
            attempts = tries()
        assert counted.by == attempts

    def test_a_commit(self, alice: Caller, faulty: Faults) -> None:
        with growth(ERRORS, dependency="database", operation="commit") as counted, faulty(DIE, when=AT_COMMIT):
            rejected(alice.create("doubtful"), 503, "SERVICE_UNAVAILABLE")
        assert counted.by == 1

    def test_a_client_error_does_not_count(self, alice: Caller) -> None:
        alice.task("taken")
        with growth(ERRORS) as counted:
            rejected(alice.create("taken"), 409, "TASK_TITLE_TAKEN")
        assert counted.by == 0


def test_redis(nowhere: int) -> None:
    windows = RedisRateLimitStore(f"redis://127.0.0.1:{nowhere}/0")
    with growth(ERRORS, dependency="redis", operation="increment") as hits, growth(ERRORS, dependency="redis") as all_:
        for _ in range(10):
            windows.increment("a", seconds=60)
    assert hits.by == all_.by == 3, "the breaker rejects the others"


def test_http(nowhere: int) -> None:
    client = HttpClient("counted", f"http://127.0.0.1:{nowhere}", timeout=timedelta(seconds=1))
    with growth(ERRORS, dependency="counted", operation="keys") as counted, pytest.raises(Error):
        client.get("/", operation="keys")
    assert counted.by == 1
