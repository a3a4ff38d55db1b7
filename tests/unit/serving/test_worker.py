"""A worker of gunicorn's that is told to end at once."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from deploy.serving.worker import Worker


@pytest.fixture
def told() -> list[Any]:
    """Return the workers that said so when they were told."""
    return []


@pytest.fixture
def worker(told: list[Any]) -> Iterator[Worker]:
    """Return one that has its threads and nothing else."""
    config = Config()
    config.set("max_requests", 0)
    worker = Worker(1, 1, [], None, 1.0, config, SimpleNamespace())
    worker.cfg = SimpleNamespace(worker_int=told.append)
    worker.tpool = ThreadPoolExecutor(1)
    yield worker
    worker.tpool.shutdown()
    worker.tmp.close()


def quit_within(worker: Worker, seconds: float) -> type[BaseException] | None:
    """Return what telling it ends with, from another thread: so a wait for itself is a failure and no hang."""
    raised: list[type[BaseException] | None] = []

    def tell() -> None:
        try:
            worker.handle_quit(signal.SIGQUIT, None)
            raised.append(None)
        except SystemExit as exc:
            raised.append(type(exc))

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for itself"
    return raised[0]


def test_whatever_it_does_with_its_threads(worker: Worker) -> None:
    """F26: a signal may come while the main loop holds the lock of its pool."""
    with worker.tpool._shutdown_lock:
        assert quit_within(worker, 5) is SystemExit
    assert not worker.alive


def test_told_twice_it_ends_once(worker: Worker, told: list[Any]) -> None:
    """F26: by Ctrl-C and by its master, the second time perhaps while it writes its last words down."""
    assert quit_within(worker, 5) is SystemExit
    assert quit_within(worker, 5) is None
    assert told == [worker]
