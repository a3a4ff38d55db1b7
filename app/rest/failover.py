"""Failover of a request that may be sent only once: nginx sends it elsewhere if the instance changed nothing.

An instance alone can lose the database. nginx repeats a GET or a creation with an Idempotency-Key by itself. It sends
other requests with ``X-Failover``. If this instance can't serve such a request, and has sent no COMMIT, it responds
with ``X-Accel-Redirect``; nginx then sends the request to the other instance, without that field. Other proxies do not
send ``X-Failover``.
"""

from http import HTTPStatus
from typing import Final

from app import request_context
from app.errs import Error
from app.repositories import error_translation
from app.rest.request import current

REQUESTED: Final = "X-Failover"
FIELD: Final = "X-Accel-Redirect"
KEPT: Final = frozenset({"accept-ranges", "cache-control", "content-disposition", "expires", "set-cookie"})
"""The fields of such a response that nginx would add to those of the next one."""
ELSEWHERE: Final = "@elsewhere"
"""The location in ``deploy/nginx/server.conf``. It is fixed: a client could name any location of another nginx."""


def fields(error: Error, status: int) -> dict[str, str]:
    """Return the header field that sends the current request to the other instance, if that is safe and useful."""
    is_requested = status == HTTPStatus.SERVICE_UNAVAILABLE and current().sent(REQUESTED) is not None
    return {FIELD: ELSEWHERE} if is_requested and not request_context.changing.get() and _is_local(error) else {}


def _is_local(error: Error) -> bool:
    """Return whether the other instance may not have this fault: it has no database, or ``is_local`` is a fact.

    Overload is not local: passed-on requests would make it worse.
    """
    is_local = error.facts.get("is_local") or error.facts.get("breaker") == "database"
    return bool(is_local) or error_translation.is_failure(error) is True
