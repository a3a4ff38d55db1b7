"""The baseline: a bare WSGI callable. The same work under the same server can hardly cost less."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import LifoQueue
from typing import Any
from urllib.parse import parse_qs

import psycopg

from bench.peers.bare import Borrow, Rejected, Tasks, subject

Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]
PHRASES = {200: "200 OK", 201: "201 Created", 400: "400 Bad Request", 401: "401 Unauthorized", 403: "403 Forbidden"}


def application(borrow: Borrow) -> Application:
    """Return the callable, on connections from a given source."""
    tasks = Tasks(borrow)

    def answer(environ: dict[str, Any]) -> tuple[int, bytes, list[tuple[str, str]]]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/healthz":
            return 200, b'{"status":"ok"}', []
        if not path.startswith("/v1/tasks"):
            return 404, b'{"errors":["no such route"]}', []
        by = subject(environ.get("HTTP_AUTHORIZATION", ""))
        if method == "POST":
            body, location = tasks.create(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])), by)
            return 201, body, [("Location", location)]
        if path == "/v1/tasks":
            size = parse_qs(environ["QUERY_STRING"]).get("page_size", ["50"])[0]
            return 200, tasks.page(int(size), by), []
        return 200, tasks.get(path.removeprefix("/v1/tasks/"), by), []

    def serve(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            status, body, fields = answer(environ)
        except Rejected as rejected:
            status, body, fields = rejected.status, rejected.body, []
        fields += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(PHRASES.get(status, f"{status} Error"), fields)
        return (body,)

    return serve


def served() -> Application:
    """Return the callable for gunicorn."""
    from psycopg_pool import ConnectionPool  # noqa: PLC0415 -- not there where bench.guard calls the baseline

    pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=5, max_size=5, kwargs={"autocommit": True}, open=True)
    return application(pool.connection)


def served_without_pool() -> Application:
    """Return the callable for ``bench.guard``, whose environment has no psycopg_pool."""
    connections: LifoQueue[psycopg.Connection[tuple[Any, ...]]] = LifoQueue()
    for _ in range(5):
        connections.put(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True))

    @contextmanager
    def borrow() -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        connection = connections.get()
        try:
            yield connection
        finally:
            connections.put(connection)

    return application(borrow)
