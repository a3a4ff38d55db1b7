"""The configuration of gunicorn, for development and production, derived from the settings.

Threads wait for the database concurrently; nginx in front of gunicorn buffers slow clients. The application is loaded
once, before the workers are forked: a new worker serves within milliseconds. Connections are opened after the fork.
"""

import gc
import json
import logging
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from grp import getgrgid
from pathlib import Path
from pwd import getpwuid
from socket import AF_UNIX
from types import FrameType
from typing import Any, Final

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from sqlalchemy import QueuePool

from app import product
from app.config import InvalidSettings, Settings, authority
from app.library_versions import is_compared
from app.resilience import cpu_pinning, draining
from deploy.metering import metrics_folder
from deploy.metering.exporter_supervisor import ExporterSupervisor
from deploy.serving import file_descriptors, request_parser, single_write, worker_index

ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SETTLE: Final = 0.3
"""Seconds between closing the socket and the end of accepting, in which workers accept queued connections."""
FLUSH_SECONDS: Final = 1.0
"""Seconds in which a worker that ends stores the remaining failures, and as many for traces."""
WARM_WITHIN: Final = timedelta(seconds=1)
"""How long a new worker waits for its database connections before it serves with or without them."""
SOCKET_MODE: Final = 0o660
_LOG: Final = product.logger("metrics")
_START: Final = product.logger("start")
CORES: Final = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
WORKERS: Final = {
    "gthread": "deploy.serving.worker.Worker",
    "polling": "deploy.serving.polling_worker.PollingWorker",
}

try:
    SETTINGS = Settings.from_env()
except InvalidSettings as faults:
    sys.exit(str(faults))

for each in ENDS:  # before gunicorn installs its handlers, there is nothing to finish or to clean up
    if signal.getsignal(each) in {signal.SIG_DFL, signal.default_int_handler}:
        signal.signal(each, lambda *_: os._exit(0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)  # deploy/local/run.py blocks Ctrl-C until this line

workers = SETTINGS.web_concurrency or (max(2, CORES) if SETTINGS.is_production else 2)
if SETTINGS.metrics_port:
    metrics_folder.begin(workers)  # before the import of modules with metrics

bind = SETTINGS.bind or authority(SETTINGS.host, SETTINGS.port)
umask = 0o777 & ~SOCKET_MODE  # of the socket in BIND: every client that can connect is trusted as a proxy
worker_class = WORKERS[SETTINGS.web_worker if hasattr(select, "epoll") and is_compared("gunicorn") else "gthread"]
http_parser = "python"
pre_request = request_parser.close_while_draining
threads = SETTINGS.web_threads
PINNING: Final = cpu_pinning.plan(SETTINGS.pin_workers, workers=workers)
try:
    worker_connections = file_descriptors.connections(file_descriptors.claim(), threads=threads)
except ValueError as fault:
    sys.exit(f"{product.NAME} does not start:\n  - {fault}")
preload_app = True
keepalive = 75  # seconds; longer than nginx's idle timeout, because nginx should close idle connections
timeout = 15  # seconds without a heartbeat of the worker's main loop, whatever its threads do
graceful_timeout = max(15, int(SETTINGS.request_timeout) + 5)
max_requests, max_requests_jitter = 20_000, 5_000
try:
    worker_tmp_dir = str(metrics_folder.places()[0])  # in memory if possible: heartbeats must not wait for a disk
except IndexError:
    sys.exit(
        f"{product.NAME} does not start:\n"
        "  - no folder is writable: mount /dev/shm, or a temporary folder, for heartbeats"
    )
control_socket_disable = True
logger_class = "deploy.serving.gunicorn_logger.Logger"
limit_request_line = 8190  # RFC 9112, section 3, recommends 8,000; gunicorn's maximum, and nginx's minimum
limit_request_fields = 100
limit_request_field_size = 8190
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"()": "app.observability.logs.to_stderr"}},
    "root": {"level": SETTINGS.log_level, "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["stderr"]}},
}


def on_starting(server: Arbiter) -> None:
    """Let SIGTERM fail readiness immediately, and drain before the workers stop."""
    enqueue, received = server.signal, list[int]()

    def note(signum: int, frame: FrameType | None) -> None:
        if signum in ENDS and os.getpid() == server.pid:
            received.append(signum)
            draining.begin()
        enqueue(signum, frame)

    server.exporter_supervisor = ExporterSupervisor(
        SETTINGS.metrics_host, SETTINGS.metrics_port if metrics_folder.home() else 0
    )
    if SETTINGS.metrics_port and not metrics_folder.home():
        _LOG.warning("no metrics are served: neither /dev/shm nor a temporary folder has space for the metrics files")
    server.signal = note
    server.handle_term = partial(drain, server, received)


def drain(server: Arbiter, received: list[int]) -> None:
    """Serve for DRAIN_SECONDS or until a second signal, close the sockets, accept queued connections, and stop."""
    until = time.monotonic() + SETTINGS.drain_seconds
    while (left := until - time.monotonic()) > 0 and len(received) == 1:
        server.wait_for_signals(left)
        server.reap_workers()
        server.murder_workers()
        server.manage_workers()
    if {signal.SIGINT, signal.SIGQUIT} & {*received}:
        server.handle_quit()
    if paths := unix_sockets(server):
        for path in paths:
            with suppress(OSError):  # a read-only /run: then systemd queues, and the next process serves
                path.chmod(0)  # connecting fails, and nginx uses the other instance
        time.sleep(SETTLE)
    raise StopIteration


def unix_sockets(server: Arbiter) -> list[Path]:
    """Return the paths of the Unix sockets that gunicorn listens on."""
    return [Path(each.getsockname()) for each in server.LISTENERS if each.family == AF_UNIX]


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give the worker its number and its metrics files; before the first worker, prepare the shared state.

    The OpenAPI document is built here once: a fault in it prevents the start. The served addresses are logged.
    """
    from app.rest import public_routes  # noqa: PLC0415 -- the application is loaded at this point
    from app.rest.pages import docs  # noqa: PLC0415 -- as above

    app = server.app.wsgi()
    with app.app_context():
        docs.document()
    public_routes.announce(app, [*map(str, server.LISTENERS)], pinning=PINNING.reason)
    worker_index.give(server, worker)
    metrics_folder.allot(worker.number)
    gc.freeze()  # loaded objects stay: the collector need not scan their pages, and workers need not copy them


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Set the worker's number, claim a core, and drop database connections that were opened before the fork."""
    from app.extensions import db  # noqa: PLC0415 -- the application is loaded at this point
    from app.observability import metrics  # noqa: PLC0415 -- as above

    os.environ.pop("SCRIPT_NAME", None)  # the settings have it; gunicorn would fail on a health check without it
    worker_index.set_own(worker)
    cpu_pinning.claim(PINNING)
    server.exporter_supervisor.let_go()
    metrics.describe(pool=SETTINGS.database_pool_size, slots=worker.app.wsgi().extensions["app-services"].bulkhead.size)
    with worker.app.wsgi().app_context():
        if isinstance(db.engine.pool, QueuePool) and db.engine.pool.checkedin():
            db.engine.dispose(close=False)


def post_worker_init(worker: Worker) -> None:
    """Prepare a worker for requests.

    Install the strict request parser and the response writer, open the database connections, and start the pollers,
    tracing, the failure recorder, the Sentry reporter and the debug listener.
    """
    from app.extensions import db  # noqa: PLC0415 -- the application is loaded at this point
    from app.repositories import connection_headroom, engine  # noqa: PLC0415 -- as above

    request_parser.install()
    single_write.install()
    with worker.wsgi.app_context():
        engine.warm(db.engine, within=WARM_WITHIN)
        if worker.number % workers == 0:  # one worker of those that start together
            connection_headroom.check_later(db.engine, generation=workers * (SETTINGS.database_pool_size + 1))
    for poller in worker.wsgi.extensions["app-pollers"]:
        poller.start()
    if SETTINGS.tracing:
        worker.wsgi.extensions["app-tracing"].start()
    if SETTINGS.failures_kept:
        from app.wiring import failure_recorder  # noqa: PLC0415 -- as above

        worker.failure_recorder = failure_recorder(SETTINGS)
        worker.failure_recorder.start()
    if SETTINGS.sentry_dsn:
        from app.wiring import sentry_reporter  # noqa: PLC0415 -- as above

        worker.sentry_reporter = sentry_reporter(SETTINGS)
        worker.sentry_reporter.start()
    if SETTINGS.debug_token:
        from deploy.serving import debug_listener  # noqa: PLC0415 -- it has metrics: metrics_folder.begin comes first

        debug_listener.listen(worker, token=SETTINGS.debug_token, port=SETTINGS.debug_port + worker.number)


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Store the last failures, send the last traces and events; after SIGINT or SIGQUIT do not wait for requests."""
    from app.observability import logs  # noqa: PLC0415 -- the application is loaded at this point

    logs.end()
    if hasattr(worker, "failure_recorder"):
        worker.failure_recorder.stop(FLUSH_SECONDS)
    if SETTINGS.tracing and hasattr(worker, "wsgi"):
        worker.wsgi.extensions["app-tracing"].stop(FLUSH_SECONDS)
    if hasattr(worker, "sentry_reporter"):
        worker.sentry_reporter.stop(FLUSH_SECONDS)
    if getattr(worker, "is_quitting", False):
        logging.shutdown()
        os._exit(0)  # otherwise Python waits for every thread that serves


def when_ready(server: Arbiter) -> None:
    """Reopen the sockets that a predecessor closed, serve metrics, and print the addresses in development."""
    for path in unix_sockets(server):
        if path.parent.stat().st_mode & stat.S_ISGID:
            share(path)
        if stat.S_IMODE(path.stat().st_mode) == 0:
            path.chmod(SOCKET_MODE)
    server.exporter_supervisor.attend(server)
    if not SETTINGS.is_production:
        greet()


def share(path: Path) -> None:
    """Give a socket the group of its folder, like other files there; gunicorn has set its own group."""
    try:
        os.chown(path, -1, path.parent.stat().st_gid)
    except PermissionError:
        _START.warning(
            "the socket %s keeps the group of the process: add the user %s to the group %s, which %s belongs to",
            *(path, name_of(getpwuid, os.geteuid()), name_of(getgrgid, path.parent.stat().st_gid), path.parent),
        )


def name_of(find: Callable[[int], Sequence[object]], number: int) -> object:
    """Return the name of a user or a group, or its number if it has none."""
    try:
        return find(number)[0]
    except KeyError:
        return number


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Remove the worker's live metrics."""
    metrics_folder.forget(worker.number)


def on_exit(server: Arbiter) -> None:
    """Stop the exporter and delete the metrics files."""
    server.exporter_supervisor.end()
    metrics_folder.end()


def greet() -> None:
    """Print addresses, a token, and a curl command."""
    from app.resilience.clock import SystemClock  # noqa: PLC0415 -- in development only
    from app.services.tokens import TokenService  # noqa: PLC0415 -- as above

    tokens = TokenService(
        secret=SETTINGS.jwt_secret,
        audience=SETTINGS.jwt_audience or None,
        issuer=SETTINGS.jwt_issuer or None,
        clock=SystemClock(),
        keys=dict(SETTINGS.jwt_keys),
    )
    token = tokens.issue("developer", scopes=["tasks"], lifetime=timedelta(hours=12))
    show = partial(print, flush=True)
    body = json.dumps({"task": {"title": "Buy milk", "tags": ["home"]}})
    show(f"\n  {product.NAME} serves on {SETTINGS.public_url}, until Ctrl-C\n")
    show(f"  Reference  {SETTINGS.public_url}/docs")
    show(f"  Errors     {SETTINGS.public_url}/errors")
    show(f"  Token      {token}\n             (developer, scope tasks, 12 hours)\n")
    show(f"  curl -i {SETTINGS.public_url}/v1/tasks -H 'Authorization: Bearer {token}' \\")
    show(f"    -H 'Content-Type: application/json' -d '{body}'\n")
