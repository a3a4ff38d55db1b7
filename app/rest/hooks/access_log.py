"""Writes one line for every request. Outside recovery, so that it sees the status that is really sent."""

import time

from flask import Response

from app import context
from app.observability import logs, trail
from app.rest.application import Application
from app.rest.request import Request


def install(app: Application) -> None:
    """Install the hook."""
    app.hook(before=_begin, after=_write)


def _begin(request: Request) -> None:
    request.began = time.perf_counter()
    request.trail = trail.begin()


def _write(request: Request, response: Response) -> Response:
    caller, rule = context.principal.get(), request.url_rule
    logs.access(
        {
            "method": request.method,
            "route": rule.rule if rule else "unmatched",
            "path": request.path,
            "status": response.status_code,
            "duration_ms": round((time.perf_counter() - request.began) * 1000, 3),
            "user": caller.id if caller else None,
            "degraded": response.headers.get("Degraded"),
            **request.trail.fields(),
        }
    )
    return response
