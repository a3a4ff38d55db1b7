"""How gunicorn serves the application, in development and in production: everything comes from the settings.

Threads wait for the database side by side; nginx stands in front and keeps slow clients away. The application is loaded
once, before the workers are forked, so that a new worker serves within milliseconds; none of its connections is.
"""

import gc
import json
import logging
import os
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
from gunicorn.http.message import Request
from gunicorn.workers.base import Worker
from sqlalchemy import QueuePool

from app import product
from app.config import InvalidSettings, Settings, authority
from app.resilience import draining
from deploy.metering import metrics_folder
from deploy.metering.exporter_supervisor import ExporterSupervisor
from deploy.serving import file_descriptors, request_parser, single_write, worker_index

ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SETTLE: Final = 0.3
"""Seconds between the last connection let in and the end of accepting, in which workers take what is queued."""
LAST_WORDS: Final = 1.0
"""Seconds that a worker which ends has for what is not yet written down, and as many for traces."""
WARM_WITHIN: Final = timedelta(seconds=1)
"""How long a new worker waits for its database connections before it serves, with or without them."""
SOCKET_MODE: Final = 0o660
_LOG: Final = product.logger("metrics")
_START: Final = product.logger("start")
CORES: Final = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1

try:
    SETTINGS = Settings.from_env()
except InvalidSettings as faults:
    sys.exit(str(faults))

for each in ENDS:  # until gunicorn has handlers of its own, there is nothing to finish and nothing to clean up
    if signal.getsignal(each) in {signal.SIG_DFL, signal.default_int_handler}:
        signal.signal(each, lambda *_: os._exit(0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)  # deploy/local/run.py lets Ctrl-C wait for this line

workers = SETTINGS.web_concurrency or (max(2, CORES) if SETTINGS.is_production else 2)
if SETTINGS.metrics_port:
    metrics_folder.begin(workers)  # before anything that counts is imported

bind = SETTINGS.bind or authority(SETTINGS.host, SETTINGS.port)
umask = 0o777 & ~SOCKET_MODE  # of the socket that BIND names: whoever may connect is trusted as a proxy
worker_class = "deploy.serving.worker.Worker"
threads = SETTINGS.web_threads
try:
    worker_connections = file_descriptors.connections(file_descriptors.claim(), threads=threads)
except ValueError as fault:
    sys.exit(f"{product.NAME} does not start:\n  - {fault}")
preload_app = True
keepalive = 75  # seconds, more than nginx keeps an idle connection, so that nginx is the one to close it
timeout = 15  # seconds without a heartbeat of the worker's main loop, whatever its threads do
graceful_timeout = max(15, int(SETTINGS.request_timeout) + 5)
max_requests, max_requests_jitter = 20_000, 5_000
try:
    worker_tmp_dir = str(metrics_folder.places()[0])  # in memory if possible: heartbeats must never wait for a disk
except IndexError:
    sys.exit(
        f"{product.NAME} does not start:\n"
        "  - nothing can be written to: mount /dev/shm, or a temporary folder, for heartbeats"
    )
control_socket_disable = True
logger_class = "deploy.serving.gunicorn_logger.Logger"
limit_request_line = 8190  # RFC 9112, section 3, recommends 8,000; gunicorn can do no more, and nginx no less
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
    """Have SIGTERM fail readiness at once, and take leave before the workers are stopped."""
    enqueue, told = server.signal, list[int]()

    def note(signum: int, frame: FrameType | None) -> None:
        if signum in ENDS and os.getpid() == server.pid:
            told.append(signum)
            draining.begin()
        enqueue(signum, frame)

    server.exporter_supervisor = ExporterSupervisor(
        SETTINGS.metrics_host, SETTINGS.metrics_port if metrics_folder.home() else 0
    )
    if SETTINGS.metrics_port and not metrics_folder.home():
        _LOG.warning("no metrics are served: neither /dev/shm nor a temporary folder has room for what workers count")
    server.signal = note
    server.handle_term = partial(take_leave, server, told)


def take_leave(server: Arbiter, told: list[int]) -> None:
    """Serve on for DRAIN_SECONDS, or until told to end again; then let nobody in, take what is queued, and stop."""
    until = time.monotonic() + SETTINGS.drain_seconds
    while (left := until - time.monotonic()) > 0 and len(told) == 1:
        server.wait_for_signals(left)
        server.reap_workers()
        server.murder_workers()
        server.manage_workers()
    if {signal.SIGINT, signal.SIGQUIT} & {*told}:
        server.handle_quit()
    if paths := unix_sockets(server):
        for path in paths:
            with suppress(OSError):  # a read-only /run: then systemd queues, and the next process serves
                path.chmod(0)  # connecting fails, and nginx asks the other instance
        time.sleep(SETTLE)
    raise StopIteration


def unix_sockets(server: Arbiter) -> list[Path]:
    """Return where we listen, as far as that is files."""
    return [Path(each.getsockname()) for each in server.LISTENERS if each.family == AF_UNIX]


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give the worker its number and its metrics files; before the first, complete what all workers share.

    The OpenAPI document is built here once: a fault in it prevents the start. The log says what is served.
    """
    from app.rest import public_routes  # noqa: PLC0415 -- here, the application is loaded
    from app.rest.pages import docs  # noqa: PLC0415 -- as above

    app = server.app.wsgi()
    with app.app_context():
        docs.document()
    public_routes.announce(app, [*map(str, server.LISTENERS)])
    worker_index.give(server, worker)
    metrics_folder.allot(worker.number)
    gc.freeze()  # what is loaded stays: its pages need not be looked through, nor copied for that by each worker


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Know our number, and share no database connection that loading the application has made with anybody."""
    from app.extensions import db  # noqa: PLC0415 -- here, the application is loaded
    from app.observability import metrics  # noqa: PLC0415 -- as above

    os.environ.pop("SCRIPT_NAME", None)  # the settings have it; gunicorn would fail on a health check without it
    worker_index.set_own(worker)
    server.exporter_supervisor.let_go()
    metrics.describe(pool=SETTINGS.database_pool_size, slots=worker.app.wsgi().extensions["app-services"].bulkhead.size)
    with worker.app.wsgi().app_context():
        if isinstance(db.engine.pool, QueuePool) and db.engine.pool.checkedin():
            db.engine.dispose(close=False)


def post_worker_init(worker: Worker) -> None:
    """Have requests read strictly, every answer leave in one piece, and failures written down; ask for news.

    Connect before there are requests, and let somebody look inside.
    """
    from app.extensions import db  # noqa: PLC0415 -- here, the application is loaded
    from app.repositories import engine  # noqa: PLC0415 -- as above

    request_parser.install()
    single_write.install()
    with worker.wsgi.app_context():
        engine.warm(db.engine, within=WARM_WITHIN)
    for poller in worker.wsgi.extensions["app-pollers"]:
        poller.start()
    if SETTINGS.tracing:
        worker.wsgi.extensions["app-tracing"].start()
    if SETTINGS.failures_kept:
        from app.wiring import failure_recorder  # noqa: PLC0415 -- as above

        worker.failure_recorder = failure_recorder(SETTINGS)
        worker.failure_recorder.start()
    if SETTINGS.debug_token:
        from deploy.serving import debug_listener  # noqa: PLC0415 -- it counts: files.begin comes first

        debug_listener.listen(worker, token=SETTINGS.debug_token, port=SETTINGS.debug_port + worker.number)


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Write the last failures and send the last traces; after SIGINT or SIGQUIT end without waiting for requests."""
    from app.observability import logs  # noqa: PLC0415 -- here, the application is loaded

    logs.end()
    if hasattr(worker, "failure_recorder"):
        worker.failure_recorder.stop(LAST_WORDS)
    if SETTINGS.tracing and hasattr(worker, "wsgi"):
        worker.wsgi.extensions["app-tracing"].stop(LAST_WORDS)
    if getattr(worker, "is_quitting", False):
        logging.shutdown()
        os._exit(0)  # Python would wait for every thread that serves


def pre_request(_worker: Worker, request: Request) -> None:
    """Ask clients to come back on another connection, which may lead them to another instance."""
    if draining.has_begun():
        request.force_close()


def when_ready(server: Arbiter) -> None:
    """Open the doors that a predecessor closed, have metrics served, and tell a developer where to go."""
    for path in unix_sockets(server):
        if path.parent.stat().st_mode & stat.S_ISGID:
            share(path)
        if stat.S_IMODE(path.stat().st_mode) == 0:
            path.chmod(SOCKET_MODE)
    server.exporter_supervisor.attend(server)
    if not SETTINGS.is_production:
        greet()


def share(path: Path) -> None:
    """Give a socket the group of its folder, as any file there has: gunicorn has given it its own group."""
    try:
        os.chown(path, -1, path.parent.stat().st_gid)
    except PermissionError:
        _START.warning(
            "the socket %s keeps the group of the process: add the user %s to the group %s, which %s belongs to",
            *(path, name_of(getpwuid, os.geteuid()), name_of(getgrgid, path.parent.stat().st_gid), path.parent),
        )


def name_of(find: Callable[[int], Sequence[object]], number: int) -> object:
    """Return the name of a user or a group; its number if it has none."""
    try:
        return find(number)[0]
    except KeyError:
        return number


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Forget what the worker was in the middle of."""
    metrics_folder.forget(worker.number)


def on_exit(server: Arbiter) -> None:
    """Leave nothing behind."""
    server.exporter_supervisor.end()
    metrics_folder.end()


def greet() -> None:
    """Print addresses, a token, and a request to paste."""
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
    say = partial(print, flush=True)
    body = json.dumps({"task": {"title": "Buy milk", "tags": ["home"]}})
    say(f"\n  {product.NAME} serves on {SETTINGS.public_url}, until Ctrl-C\n")
    say(f"  Reference  {SETTINGS.public_url}/docs")
    say(f"  Errors     {SETTINGS.public_url}/errors")
    say(f"  Token      {token}\n             (developer, scope tasks, 12 hours)\n")
    say(f"  curl -i {SETTINGS.public_url}/v1/tasks -H 'Authorization: Bearer {token}' \\")
    say(f"    -H 'Content-Type: application/json' -d '{body}'\n")
