"""Debug listener of a worker, for operators with the token, on a loopback port that depends on the worker's index."""

import gc
import logging
import os
import platform
import threading
import time
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy import QueuePool

from app import product
from app.config import VERSION
from app.observability import active_requests, logs
from app.observability.debug import Listener
from app.resilience import breaker, draining
from deploy.serving import worker_index

LIBRARIES: Final = {name: version(name) for name in ("flask", "gunicorn", "psycopg", "sqlalchemy")}
_BEGAN: Final = time.monotonic()
_LOG: Final = product.logger("debug")


def listen(worker: Any, *, token: str, port: int) -> None:
    """Listen on the port; continue without the listener where another instance has it."""
    try:
        listener = Listener(port=port, token=token, variables=lambda: variables(worker))
    except OSError as exc:
        _LOG.warning("no debug listener on port %d: %s; DEBUG_PORT names another", port, exc.strerror)
        return
    listener.start()


def variables(worker: Any) -> dict[str, object]:
    """Return the state of every bounded resource, and the versions of this process."""
    services = worker.wsgi.extensions["app-services"]
    bulkhead = services.bulkhead
    return {
        "worker": {
            "number": worker_index.own(),
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - _BEGAN),
            "requests": worker.nr,
            "connections": worker.nr_conns,
            "is_draining": draining.has_begun(),
        },
        "threads": {"size": worker.cfg.threads, "busy": worker.busy, "waiting": worker.waiting},
        "slots": {"size": bulkhead.size, "in_use": bulkhead.in_use, "waiting": bulkhead.waiting},
        "pool": _pool(worker),
        "breakers": {each.name: {"state": each.state(), **each.counts._asdict()} for each in breaker.ALL},
        "limiter": type(services.rate_limits).__name__,
        "log": {"level": logging.getLevelName(logs.ROOT.level), "lost": logs.to_stderr().dropped},
        "requests": [work.described() for work in active_requests.by_thread().values()],
        "process": {
            "threads": threading.active_count(),
            "objects": len(gc.get_objects()),
            "collections": gc.get_count(),
        },
        "build": {
            "version": VERSION,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
    }


def _pool(worker: Any) -> dict[str, int]:
    from app.extensions import db  # noqa: PLC0415 -- here, the application is loaded

    with worker.wsgi.app_context():
        pool = db.engine.pool
    if not isinstance(pool, QueuePool):
        raise TypeError("the pool is bounded")
    return {"size": pool.size(), "in_use": pool.checkedout(), "idle": pool.checkedin()}
