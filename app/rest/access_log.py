"""The access log: one entry for each response, with the metrics of the request."""

from typing import Final

from app.observability import logs, metrics, request_timing
from app.rest.wsgi_response import LOWEST_ERROR, Answer

DEGRADED: Final = "Degraded"


def write(answer: Answer, seconds: float, spent: request_timing.RequestTimings) -> None:
    """Write the entry of a response, and count the request."""
    status, method = answer.status[:3], answer.environ["REQUEST_METHOD"]
    degraded = next((value for name, value in answer.fields if name == DEGRADED), None)
    user = answer.caller.id if answer.caller else None
    if answer.batch is not None and status < LOWEST_ERROR:
        about = {"status": int(status), "method": method, "route": answer.route, "path": answer.path, "user": user}
        answer.batch.report(about)
    logs.access(
        {
            "method": method,
            "route": answer.route,
            "path": answer.path,
            "client": answer.client,
            "status": int(status),
            "duration_ms": round(seconds * 1000, 3),
            "code": answer.code,
            "user": user,
            "degraded": degraded,
            "batch": answer.batch.logged() if answer.batch is not None else None,
            "simulated": answer.is_simulated or None,
            **spent.fields(),
        }
    )
    for each in degraded.split(", ") if degraded else ():
        metrics.DEGRADED.labels(each.partition(";")[0]).inc()
    if not answer.is_simulated:
        metrics.request(method, answer.route, status, seconds)
