"""Timers around the layers of the application, each of which counts its own CPU time, without the layers inside it."""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Flask

from app.extensions import db

STEPS: Final = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs")
SENDS: Final = ("do_execute", "do_begin", "do_commit", "do_rollback")
CALIBRATIONS: Final = 20_000


class Timers:
    """Self times by layer, in seconds of this thread's CPU."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inside: Counter[str] = Counter()
        self._open: list[list[float]] = []

    def around(self, layer: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            below = [0.0, 0.0]
            self._open.append(below)
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - began
                self._open.pop()
                self.seconds[layer] += took - below[0]
                self._inside[layer] += int(below[1])
                self.calls[layer] += 1
                if self._open:
                    self._open[-1][0] += took
                    self._open[-1][1] += 1

        return timed

    def clear(self) -> None:
        """Reset all counters."""
        for counted in (self.seconds, self.calls, self._inside):
            counted.clear()

    def calibrated(self) -> Callable[[], dict[str, float]]:
        """Measure the cost of a timer, and return a reader of the self times without it."""
        timed = self.around("nothing", lambda: None)
        began = time.thread_time()
        for _ in range(CALIBRATIONS):
            timed()
        whole = (time.thread_time() - began) / CALIBRATIONS
        within = self.seconds["nothing"] / CALIBRATIONS
        self.clear()

        def read() -> dict[str, float]:
            return {
                layer: max(0.0, seconds - within * self.calls[layer] - (whole - within) * self._inside[layer])
                for layer, seconds in self.seconds.items()
            }

        return read


def install(timers: Timers, app: Flask) -> None:
    """Put timers into the application. Raises: AttributeError, when a layer is not at its known place."""
    services = app.extensions["app-services"]
    _hooks(timers, app)
    for endpoint, view in app.view_functions.items():
        app.view_functions[endpoint] = timers.around("operation: Accept, slot, precondition, answer", view)
    _replace(timers, services.tokens, "verify", "token check")
    _replace(timers, sys.modules["app.rest.body"], "read", "reading the body")
    _replace(timers, sys.modules["app.rest.arguments"], "decoded", "decoding and validation")
    _replace(timers, sys.modules["app.rest.conditional"], "encode", "encoding")
    _replace(timers, sys.modules["app.observability.logs"], "access", "log line of the request")
    _replace(timers, sys.modules["app.observability.logs"], "error", "log line of the error")
    _replace(timers, sys.modules["app.observability.metrics"], "request", "metrics")
    _replace(timers, sys.modules["app.rest.response_decorators"], "dumps", "JSON of the answer")
    tasks = services.tasks
    for name in ("get", "page", "create"):
        _replace(timers, tasks, name, "service")
    for name in ("get", "page"):
        _replace(timers, tasks._reads, name, "repository and SQLAlchemy")  # noqa: SLF001 -- to look inside is the point
    tasks._unit_of_work = timers.around("repository and SQLAlchemy", tasks._unit_of_work)  # noqa: SLF001 -- as above
    _units(timers)
    with app.app_context():
        for name in SENDS:
            _replace(timers, db.engine.dialect, name, "driver: statements sent and rows read")
    _replace(timers, sys.modules["app.rest.errors"], "respond", "problem document")
    middleware = vars(app)["wsgi_app"]
    middleware._wsgi_app = timers.around("Flask and Werkzeug", middleware._wsgi_app)  # noqa: SLF001 -- as above
    vars(app)["wsgi_app"] = timers.around("middleware: ids, header fields of every answer", middleware)


def _hooks(timers: Timers, app: Flask) -> None:
    for step in STEPS:
        functions = getattr(app, step)[None]
        functions[:] = [timers.around(f"hook: {_name(each)}", each) for each in functions]


def _name(function: Callable[..., Any]) -> str:
    return function.__module__.rpartition(".")[2].replace("_", " ")


def _units(timers: Timers) -> None:
    from app.repositories.tasks import TaskRepository  # noqa: PLC0415 -- the application is loaded
    from app.repositories.unit_of_work import UnitOfWork  # noqa: PLC0415 -- as above

    for owner, names in ((UnitOfWork, ("__enter__", "commit", "__exit__")), (TaskRepository, ("add",))):
        for name in names:
            setattr(owner, name, timers.around("repository and SQLAlchemy", getattr(owner, name)))


def _replace(timers: Timers, owner: Any, name: str, layer: str) -> None:
    setattr(owner, name, timers.around(layer, getattr(owner, name)))
