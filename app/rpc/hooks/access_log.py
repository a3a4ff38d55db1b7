"""Logs one entry for every call. Outside of ``recovery``, because it needs the final status."""

import time
from collections.abc import Callable

from grpc import StatusCode

from app import request_context
from app.observability import logs, request_timing
from app.rpc.calls import Call
from app.rpc.errors import http_status


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed, and log the entry."""
    began, spent = time.perf_counter(), request_timing.begin()
    request_context.changing.set(None)
    try:
        return proceed()
    finally:
        caller = request_context.principal.get()
        about = call.logged() | {"status": http_status(call.code), "user": caller.id if caller else None}
        if call.batch is not None and call.code is StatusCode.OK:
            call.batch.report({**about})
        logs.access(
            about
            | {
                "duration_ms": round((time.perf_counter() - began) * 1000, 3),
                "code": call.shared_code,
                "batch": call.batch.logged() if call.batch is not None else None,
                "simulated": call.is_simulated or None,
                **spent.fields(),
            }
        )
