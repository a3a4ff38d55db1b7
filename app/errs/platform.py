"""What can go wrong below and around every operation, whatever it does."""

from app.errs.error import Error
from app.errs.kinds import Kind


class InternalError(Error):
    """Something went wrong inside the service.

    A bug, or a fault that nobody foresaw. Every 500 answers with this one text; the log has the truth.
    """

    kind = Kind.INTERNAL
    code = "INTERNAL_ERROR"
    message = "The fault is ours and has been logged. Quote the request id when you report it."
    client = "Do not retry at once. Report the request_id; it leads us to the cause."
    operator = "Search the log for the request id: one ERROR line carries the cause chain and the traceback."
    since = "0.1.0"


class ServiceUnavailable(Error):
    """The service cannot answer right now.

    The database or another part cannot be reached, every connection is busy, or the instance is shutting down.
    """

    kind = Kind.UNAVAILABLE
    code = "SERVICE_UNAVAILABLE"
    message = "A part of the service is out of reach or busy."
    client = (
        "If retryable is true, retry after the seconds in Retry-After, with growing pauses. If it is false, a change"
        " may have been made: read what is stored first. Send an Idempotency-Key with every creation."
    )
    operator = (
        "GET /readyz and the cause in the log tell which: database down, connections exhausted, a row or table that"
        " somebody has locked (SQLSTATE 55P03), or shutting down."
    )
    since = "0.1.0"
    example = {"retry_after": 1}


class NotReady(Error):
    """This instance should not be sent requests now.

    A check of GET /readyz has failed; ``checks`` names each with ok or failed.
    """

    kind = Kind.UNAVAILABLE
    code = "NOT_READY"
    client = "Ask another instance, or retry after the seconds in Retry-After."
    operator = (
        "When database failed, PostgreSQL is down or read-only. When migrations failed, run `flask db upgrade` or "
        "deploy the newer code. When draining failed, the instance was told to stop and is finishing its work."
    )
    since = "0.1.0"
    instance = "/readyz"
    checks: dict[str, str]
    example = {"checks": {"database": "failed", "migrations": "failed", "draining": "ok"}, "retry_after": 1}


class DeadlineExceeded(Error):
    """The time budget of the request is spent.

    Every request has a budget, 10 seconds unless Request-Timeout shortens it. ``spent_in`` names the hop that held
    the request when it ran out.
    """

    kind = Kind.DEADLINE
    code = "DEADLINE_EXCEEDED"
    message = "The budget of {budget_ms} ms was spent in {spent_in}."
    client = (
        "If retryable is true, retry with a longer Request-Timeout, or ask for less: a smaller page, a narrower filter."
        " If it is false, a change may have been made: read what is stored first."
    )
    operator = "Look for slow statements and lock waits at that time; the log line names the hop."
    since = "0.1.0"
    budget_ms: int
    spent_in: str
    example = {"budget_ms": 10000, "spent_in": "database"}


class InsufficientStorage(Error):
    """There is no room left to store this."""

    kind = Kind.STORAGE_FULL
    code = "INSUFFICIENT_STORAGE"
    message = "The service has no room to store this. Nothing was changed."
    client = "Retry later; reads keep working."
    operator = "The database reports a full disk (53100): free space or grow the volume."
    since = "0.1.0"


class ExternalServiceError(Error):
    """A service that this one depends on gave no usable answer."""

    kind = Kind.EXTERNAL
    code = "EXTERNAL_SERVICE_ERROR"
    message = "A service this one depends on did not give a usable answer."
    client = "Retry with growing pauses."
    operator = "The log line names the dependency and what it answered."
    since = "0.1.0"


class RateLimitExceeded(Error):
    """Too many requests from this address.

    Requests are counted per client address before authentication; the RateLimit fields of every answer tell how many
    are left.
    """

    kind = Kind.RATE_LIMITED
    code = "RATE_LIMIT_EXCEEDED"
    message = "The limit is {limit} requests in {window_seconds} s. The next window opens in {retry_after} s."
    client = "Wait the seconds in Retry-After; watch RateLimit to stay below."
    operator = "A single noisy client needs nothing. When many are refused, raise RATE_LIMIT."
    since = "0.1.0"
    limit: int
    window_seconds: int
    example = {"limit": 100, "window_seconds": 1, "retry_after": 1}
    curl = "curl -i --fail-early --fail-with-body '{url}/#[1-1000]'"


class RouteNotFound(Error):
    """There is nothing at this path.

    No route matches the path. Paths end without a slash, and upper and lower case differ.
    """

    kind = Kind.NOT_EXIST
    code = "ROUTE_NOT_FOUND"
    client = "Compare the path with the API reference."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/v1/taks"
    curl = "curl -i '{url}/v1/taks'"


class MethodNotAllowed(Error):
    """The path exists, but does not take this method."""

    kind = Kind.METHOD_NOT_ALLOWED
    code = "METHOD_NOT_ALLOWED"
    message = "{method} is not among the methods of this path: {allowed}."
    client = "Use one of the methods in Allow."
    operator = "Nothing to do."
    since = "0.1.0"
    method: str
    allowed: list[str]
    quotes = ("method",)
    example = {"method": "PUT", "allowed": ["GET", "HEAD", "OPTIONS", "POST"]}
    curl = "curl -i -X PUT '{url}/v1/tasks'"


class CatalogueEntryNotFound(Error):
    """The catalogue has no such error."""

    kind = Kind.NOT_EXIST
    code = "CATALOGUE_ENTRY_NOT_FOUND"
    client = "Use a code from the catalogue of errors."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/errors/no-such-error"
    curl = "curl -i '{url}/errors/no-such-error'"
