"""Each worker knows if another one has fewer connections."""

import os

import pytest

from deploy.serving import connection_counts


@pytest.fixture(autouse=True)
def _no_connections() -> None:
    for worker in range(connection_counts.MAX_WORKERS):
        connection_counts.note(worker, 0)


def test_only_a_worker_above_the_least_is_above() -> None:
    for worker, count in enumerate((3, 1, 1)):
        connection_counts.note(worker, count)
    assert [connection_counts.is_above_least(worker, 3) for worker in range(3)] == [True, False, False]


def test_a_single_worker_is_never_above() -> None:
    connection_counts.note(0, 5)
    assert not connection_counts.is_above_least(0, 1)


def test_workers_that_are_not_configured_do_not_count() -> None:
    """The slots behind them are empty, except during a reload."""
    connection_counts.note(0, 5)
    connection_counts.note(1, 5)
    assert not connection_counts.is_above_least(0, 2)


def test_another_process_sees_the_number() -> None:
    child = os.fork()
    if not child:
        connection_counts.note(1, 7)
        os._exit(0)
    os.waitpid(child, 0)
    assert connection_counts.is_above_least(1, 2)
