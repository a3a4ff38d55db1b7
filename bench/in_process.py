"""Requests without a network: Candor and the baseline as callables of this process, on the same database."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import psycopg
from flask import Flask

from bench.candidates import SECRET
from bench.database import HOME
from bench.load import Requests
from bench.workloads import Workload

STANDARD_ERROR: Final = 2
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Send = Callable[[int], None]
"""Sends a number of requests."""


def candor(url: str) -> Flask:
    """Return the application with the settings of production, which counts in files as a worker does."""
    from deploy.metering import metrics_folder  # noqa: PLC0415 -- before anything that counts is imported

    metrics_folder.begin()
    from app import create_app  # noqa: PLC0415 -- as above
    from app.config import Settings  # noqa: PLC0415 -- as above

    return create_app(
        Settings(
            app_env="production",
            database_url=url.replace("postgresql://", "postgresql+psycopg://"),
            jwt_secret=SECRET,
            public_url="https://candor.example",
            rate_limit="1000000 per second",
        )
    )


def baseline(url: str) -> Application:
    """Return the baseline, on one connection."""
    os.environ["JWT_SECRET"] = SECRET
    from bench.peers import baseline  # noqa: PLC0415 -- it reads the secret

    connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(url, autocommit=True)
    lock = threading.Lock()

    @contextmanager
    def borrow() -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        with lock:
            yield connection

    return baseline.application(borrow)


class Caller:
    """Hands requests to an application, as gunicorn would."""

    def __init__(self, application: Application, workload: Workload, requests: Requests) -> None:
        self._application, self._workload, self._requests = application, workload, requests
        self._number = 0

    def send(self, times: int) -> None:
        """Send requests, and read the whole response. Raises: ValueError."""
        for _ in range(times):
            environ = environ_of(self._requests(self._number))
            self._number += 1
            body = self._application(environ, self._start)
            for _chunk in body:
                pass
            close = getattr(body, "close", None)
            if close is not None:
                close()

    def _start(self, status: str, headers: list[tuple[str, str]], _exc: object = None) -> None:
        if int(status[:3]) not in self._workload.statuses:
            raise ValueError(f"{self._workload.key} was answered {status}")


def environ_of(encoded: bytes) -> dict[str, Any]:
    """Return the response of a server to a request."""
    head, _, body = encoded.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, _, value in (each.partition(": ") for each in fields):
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


@contextmanager
def log_to_file(name: str) -> Iterator[None]:
    """Write standard error to a file for the time of the block, as a log is."""
    kept = os.dup(STANDARD_ERROR)
    log = os.open(HOME / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(log)
        os.close(kept)
