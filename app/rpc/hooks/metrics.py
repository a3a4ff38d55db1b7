"""Measures calls with the metrics of HTTP requests. Outermost, to measure every call."""

from collections.abc import Callable
from time import perf_counter

from app.observability import metrics
from app.rpc.calls import Call
from app.rpc.errors import http_status


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed, and measure the duration, unless the caller requested an error."""
    began = perf_counter()
    metrics.IN_FLIGHT.inc()
    try:
        return proceed()
    finally:
        metrics.IN_FLIGHT.dec()
        seconds = perf_counter() - began
        if not call.is_simulated:
            metrics.request("POST", call.route, str(http_status(call.code)), seconds)
