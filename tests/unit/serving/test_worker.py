"""A gunicorn worker that receives a signal to quit at once."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from deploy.serving.polling_worker import PollingWorker
from deploy.serving.worker import Worker


@pytest.fixture
def interrupted() -> list[Any]:
    """Return the workers that reported the signal."""
    return []


@pytest.fixture(params=[Worker, PollingWorker])
def worker(interrupted: list[Any], request: pytest.FixtureRequest) -> Iterator[Worker]:
    """Return a worker of each kind that has only its threads."""
    config = Config()
    config.set("max_requests", 0)
    worker: Worker = request.param(1, 1, [], None, 1.0, config, SimpleNamespace())
    worker.cfg = SimpleNamespace(worker_int=interrupted.append)
    worker.tpool = ThreadPoolExecutor(1)
    worker.method_queue.init()
    yield worker
    worker.tpool.shutdown()
    worker.method_queue.close()
    worker.tmp.close()


def quit_within(worker: Worker, seconds: float) -> None:
    """Send the signal from another thread: if the worker waits for itself, the test fails and does not hang."""
    returned = threading.Event()

    def interrupt() -> None:
        worker.handle_quit(signal.SIGQUIT, None)
        returned.set()

    threading.Thread(target=interrupt, daemon=True).start()
    assert returned.wait(seconds), "it waits for itself, or raises inside the main loop"


def test_it_quits_while_the_locks_of_its_thread_pool_are_held(worker: Worker) -> None:
    """A signal can arrive while the main loop holds these locks."""
    with worker.tpool._shutdown_lock, worker.tpool._idle_semaphore._cond:
        quit_within(worker, 5)
    assert not worker.alive


def test_a_second_signal_has_no_effect(worker: Worker, interrupted: list[Any]) -> None:
    """Both Ctrl-C and the master can send one, possibly while the worker writes its last log entries."""
    quit_within(worker, 5)
    quit_within(worker, 5)
    assert interrupted == [worker]


def test_it_waits_for_no_connection(worker: Worker) -> None:
    """Neither in its main loop nor while it drains."""
    worker.nr_conns = 3
    quit_within(worker, 5)
    worker.wait_for_and_dispatch_events(60.0)
    assert worker.nr_conns == 0
