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
    worker.method_queue.init()
    yield worker
    worker.tpool.shutdown()
    worker.method_queue.close()
    worker.tmp.close()


def quit_within(worker: Worker, seconds: float) -> None:
    """Tell it from another thread: so a wait for itself is a failure and no hang."""
    returned = threading.Event()

    def tell() -> None:
        worker.handle_quit(signal.SIGQUIT, None)
        returned.set()

    threading.Thread(target=tell, daemon=True).start()
    assert returned.wait(seconds), "it waits for itself, or raises where the main loop happens to be"


def test_whatever_it_does_with_its_threads(worker: Worker) -> None:
    """A signal may come while the main loop holds the locks of its pool."""
    with worker.tpool._shutdown_lock, worker.tpool._idle_semaphore._cond:
        quit_within(worker, 5)
    assert not worker.alive


def test_told_twice_it_ends_once(worker: Worker, told: list[Any]) -> None:
    """By Ctrl-C and by its master, the second time perhaps while it writes its last words down."""
    quit_within(worker, 5)
    quit_within(worker, 5)
    assert told == [worker]


def test_it_waits_for_no_connection(worker: Worker) -> None:
    """Neither in its main loop nor while it lets others finish."""
    worker.nr_conns = 3
    quit_within(worker, 5)
    worker.wait_for_and_dispatch_events(60.0)
    assert worker.nr_conns == 0
