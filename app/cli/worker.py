"""``flask worker``: runs background jobs until it is stopped. Any number of workers, on any host, share the queue."""

import contextlib
import os
import random
import signal
import socket
import threading
import time
from datetime import timedelta
from types import FrameType
from typing import Final

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.cli.terminal import Failed
from app.config import Settings
from app.models.jobs import ClaimedJob
from app.observability import job_log as log
from app.observability import metrics, metrics_endpoint, startup
from app.resilience.poller import Poller
from app.services.jobs import LEASE, JobService
from app.wiring import Services, sentry_reporter

DEFAULT_THREADS: Final = 4
IDLE: Final = 0.5
"""Seconds after which an idle worker polls again: two short queries a second, whatever the number of jobs."""
MEASURE_INTERVAL: Final = timedelta(seconds=10)
"""The maximum age of the queue's metrics."""
FLUSH_SECONDS: Final = 1.0
"""Seconds to report the last exceptions at the end."""
MAX_WAIT: Final = 5.0
"""The maximum interval, in seconds, of polls while the database is unavailable."""


@click.command("worker")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help=f"Concurrent jobs, one database connection each; default: {DEFAULT_THREADS}, or the pool size less one.",
)
@click.option(
    "--lease",
    type=click.FloatRange(1, 3600),
    default=LEASE.total_seconds(),
    show_default=True,
    help="Seconds after which another worker takes over a job; a job has two thirds of that to finish.",
)
@with_appcontext
def work(threads: int | None, lease: float) -> None:
    """Run jobs, such as sending email, until SIGTERM or Ctrl-C; jobs in progress are finished."""
    settings = Settings.from_env()
    threads = threads or max(1, min(DEFAULT_THREADS, settings.database_pool_size - 1))
    if threads >= settings.database_pool_size:
        raise Failed(
            f"--threads {threads} needs DATABASE_POOL_SIZE={threads + 1}, and it is {settings.database_pool_size}:"
            " each job holds a connection, and the worker itself needs one"
        )
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 -- for other threads
    services: Services = app.extensions["app-services"]
    services.jobs.lease = timedelta(seconds=lease)
    for poller in app.extensions["app-pollers"]:
        poller.start()
    exceptions = sentry_reporter(settings)
    if exceptions:
        exceptions.start()
    metrics_endpoint.serve(settings.metrics_host, settings.worker_metrics_port, setting="WORKER_METRICS_PORT")
    metrics.describe(pool=settings.database_pool_size, slots=0)
    startup.announce(settings, ["jobs"], metrics_port=settings.worker_metrics_port, more={"threads": threads})
    Worker(app, services.jobs, threads=threads).run()
    if exceptions:
        exceptions.stop(FLUSH_SECONDS)


class Worker:
    """Claims jobs while threads are free. Each job has its own thread, and its failure affects no other job."""

    def __init__(self, app: Flask, jobs: JobService, *, threads: int) -> None:
        self._app, self._jobs, self._threads = app, jobs, threads
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._running: set[threading.Thread] = set()
        self._signals: set[int] = set()
        self._failures = 0
        self._wakeup_write, self._wakeup_read = socket.socketpair()

    def run(self) -> None:
        """Run jobs until a signal arrives."""
        self._listen()
        Poller("queue", self._measure, every=MEASURE_INTERVAL).start()
        log.info("worker ready", {"owner": self._owner, "kinds": sorted(self._jobs.handlers)})
        while not self._signals:
            if len(self._running) < self._threads and (job := self._claim()) is not None:
                self._start(job)
            elif not self._signals:
                self._wait()
        self._drain()

    def _listen(self) -> None:
        """Handle signals with a wakeup socket, because releasing a lock in a handler may deadlock."""
        for end in (self._wakeup_write, self._wakeup_read):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_write.fileno(), warn_on_full_buffer=False)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._on_signal)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        if signum in self._signals:
            os._exit(128 + signum)  # the second signal: jobs in progress run again when their leases expire
        self._signals.add(signum)

    def _measure(self) -> None:
        with self._app.app_context():
            metrics.queue({each.kind: (each.queued, each.dead, each.overdue) for each in self._jobs.backlogs()})

    def _claim(self) -> ClaimedJob | None:
        try:
            job = self._jobs.claim(owner=self._owner)
        except Exception as error:  # the database is unavailable, or a bug: the worker continues
            self._failures += 1
            if self._failures == 1:
                log.failed("the job queue is unavailable", error)
            return None
        if self._failures:
            log.info("the job queue is available again", {"attempts": self._failures})
        self._failures = 0
        return job

    def _start(self, job: ClaimedJob) -> None:
        thread = threading.Thread(target=self._do, args=(job,), name=f"job {job.id}", daemon=True)
        self._running.add(thread)
        thread.start()

    def _do(self, job: ClaimedJob) -> None:
        try:
            with self._app.app_context():
                self._jobs.run(job)
        except Exception as error:  # the outcome could not be stored: the lease will expire
            log.failed("the outcome of a job could not be stored", error)
        finally:
            self._running.discard(threading.current_thread())
            with contextlib.suppress(BlockingIOError):
                self._wakeup_write.send(b"\0")

    def _wait(self) -> None:
        """Wait for a job to end, a signal, or a timeout."""
        longest = min(MAX_WAIT, IDLE * 2 ** min(self._failures, 8))
        self._wakeup_read.settimeout(longest * random.uniform(0.8, 1.2))  # noqa: S311 -- jitter between workers
        with contextlib.suppress(TimeoutError):
            self._wakeup_read.recv(4096)

    def _drain(self) -> None:
        """Wait for jobs in progress, at most until their deadline; other workers take over the rest later."""
        log.info("worker leaving", {"running": len(self._running)})
        until = time.monotonic() + self._jobs.lease.total_seconds()
        for thread in [*self._running]:
            thread.join(max(0.0, until - time.monotonic()))
