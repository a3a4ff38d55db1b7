"""Processes start and end under load, and clients of nginx do not notice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from tests.stack.checkout import descendants, process_table, wait_until
from tests.stack.deployment import SCALE, Deployment, deployed, is_ready, needs_nginx, repeat_for
from tests.stack.traffic import Ledger, traffic

pytestmark = needs_nginx
Bearer = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def empty_tables(settings: Settings) -> Iterator[None]:
    """Begin without data of earlier tests in this process, and leave no data behind."""
    empty(settings)
    yield
    empty(settings)


def empty(settings: Settings) -> None:
    """Delete every task, and every idempotency key of a creation."""
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM tasks"))
        connection.execute(text("DELETE FROM idempotency_keys"))
    engine.dispose()


def titles(settings: Settings) -> Counter[str]:
    """Return how often each title is stored."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = Counter(connection.execute(text("SELECT title FROM tasks")).scalars())
    engine.dispose()
    return found


def assert_nothing_is_lost(ledger: Ledger, settings: Settings) -> None:
    """Assert that every request succeeded, and that the database matches the responses."""
    assert ledger.total > 100
    assert ledger.count("refused") < ledger.total / 10
    wanted = {"get": 200, "list": 200, "keyed": 201, "unkeyed": 201, "patch": 200, "delete": 200}
    assert not {kind: found for kind, status in wanted.items() if (found := ledger.unlike(kind, status))}, (
        ledger.failures
    )
    assert_acknowledged_is_stored(ledger, settings)


def assert_acknowledged_is_stored(ledger: Ledger, settings: Settings) -> None:
    """Assert that no acknowledged write is missing or stored twice."""
    stored = titles(settings)
    assert {title: found for title, found in stored.items() if found > 1} == {}
    deleted = {title for title, path in ledger.created.items() if path in ledger.deleted}
    doubtful = {title for title, path in ledger.created.items() if path in ledger.doubtful}
    assert (set(ledger.created) - deleted - doubtful) - set(stored) == set(), "acknowledged and lost"
    assert deleted & set(stored) == set(), "deleted and still there"


def test_hup_under_load_loses_nothing(fronted: Deployment, bearer: Bearer, settings: Settings) -> None:
    """New workers run before the old ones end."""
    before = set(fronted.workers)
    with traffic(fronted.port, bearer) as ledger:
        for _ in range(max(1, round(SCALE))):
            for pid in fronted.masters:
                os.kill(pid, signal.SIGHUP)
            time.sleep(3)
    wait_until(lambda: len(fronted.workers) == 4 and not before & set(fronted.workers), 40)
    assert_nothing_is_lost(ledger, settings)


def test_replacing_one_instance_after_the_other_loses_nothing(
    fronted: Deployment, bearer: Bearer, settings: Settings
) -> None:
    with traffic(fronted.port, bearer) as ledger:
        for _ in range(max(1, round(SCALE))):
            fronted.replace_all()
    assert_nothing_is_lost(ledger, settings)


def test_killed_workers_cost_no_read_and_no_keyed_write(
    fronted: Deployment, bearer: Bearer, settings: Settings
) -> None:
    """A request that was sent once and lost gets 503, and is not sent again."""

    def kill_one() -> None:
        os.kill(fronted.workers[0], signal.SIGKILL)

    with traffic(fronted.port, bearer) as ledger:
        kills = repeat_for(3 * SCALE, kill_one, every=0.6)
    assert ledger.unlike("get", 200) == ledger.unlike("list", 200) == {}, ledger.failures
    assert set(ledger.unlike("keyed", 201)) <= {409}, (
        ledger.failures
    )  # still running: its database session ends within 1 s
    assert ledger.count("keyed for good") == 0
    for kind, status in (("unkeyed", 201), ("patch", 200), ("delete", 200)):
        assert set(ledger.unlike(kind, status)) <= {503}, ledger.failures
        assert sum(ledger.unlike(kind, status).values()) <= kills * 16
    assert_acknowledged_is_stored(ledger, settings)


@pytest.mark.skipif(SCALE < 2, reason="needs a separate deployment; make soak runs it")
def test_recycling_workers_loses_nothing(settings: Settings, bearer: Bearer, tmp_path: Path) -> None:
    """Each worker ends after its share of requests, and the next one replaces it."""
    often = {"GUNICORN_CMD_ARGS": "--max-requests 100 --max-requests-jitter 50"}
    with deployed(settings, tmp_path / "recycled", often) as deployment:
        seen = set(deployment.workers)
        with traffic(deployment.port, bearer) as ledger:
            repeat_for(4 * SCALE, lambda: seen.update(deployment.workers), every=0.1)
    assert len(seen) > 4
    assert_nothing_is_lost(ledger, settings)


@pytest.mark.nightly
def test_a_killed_master_is_replaced_and_leaves_no_worker(
    fronted: Deployment, bearer: Bearer, settings: Settings
) -> None:
    """Its workers end under load as well, and the other instance answers in the meantime."""
    master = fronted.masters[0]
    orphans = descendants(master) - {master}
    with traffic(fronted.port, bearer) as ledger:
        os.kill(master, signal.SIGKILL)
        wait_until(lambda: not orphans & set(process_table()), 15)
        wait_until(lambda: len(fronted.masters) == 2 and all(map(is_ready, fronted.sockets)), 30)
    assert ledger.unlike("get", 200) == ledger.unlike("list", 200) == {}, ledger.failures
    assert {status for _, status in ledger.answers} <= {200, 201, 503, 409}, ledger.failures
    assert_acknowledged_is_stored(ledger, settings)
