"""Writes one line for every request. Outside recovery, so that it sees the status that is really sent."""

import time

from flask import Flask, Response, g, request

from app import context
from app.observability import logs, trail


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_begin)
    app.after_request(_write)


def _begin() -> None:
    g.began = time.perf_counter()
    g.trail = trail.begin()


def _write(response: Response) -> Response:
    caller = context.principal.get()
    logs.access(
        {
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else "unmatched",
            "path": request.path,
            "status": response.status_code,
            "duration_ms": round((time.perf_counter() - g.began) * 1000, 3),
            "user": caller.id if caller else None,
            "degraded": response.headers.get("Degraded"),
            **g.trail.fields(),
        }
    )
    return response
