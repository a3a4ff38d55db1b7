"""Errors that any operation can return, and errors of requests that reach no operation."""

from app.errs.error import Error
from app.errs.kinds import Kind


class InternalError(Error):
    """The service has an internal error.

    The cause is a bug or an unexpected fault. Every 500 response has this text. The log has the cause.
    """

    kind = Kind.INTERNAL
    code = "INTERNAL_ERROR"
    message = "The service failed and logged the error. Include the request ID when you report it."
    client = "Do not retry immediately. Report the request_id; it identifies the log entry with the cause."
    operator = "Search the log for the request ID. One ERROR entry has the chain of causes and the traceback."
    since = "0.1.0"


class ServiceUnavailable(Error):
    """The service is temporarily unavailable.

    The database or another component is unreachable, all connections are busy, or the instance is shutting down.
    """

    kind = Kind.UNAVAILABLE
    code = "SERVICE_UNAVAILABLE"
    message = "A component of the service is unreachable or busy."
    client = (
        "If retryable is true, retry after the seconds in Retry-After, with exponential backoff. If it is false, the"
        " service may have applied the change: read the current state first. Send an Idempotency-Key with every"
        " creation."
    )
    operator = (
        "Find the cause with GET /readyz and in the log: the database is down, no connection is free, another session"
        " locks a row or table (SQLSTATE 55P03), or the instance is shutting down."
    )
    since = "0.1.0"
    example = {"retry_after": 1}


class NotReady(Error):
    """This instance is not ready for requests.

    A check of GET /readyz failed. ``checks`` has the result of each check: ok or failed.
    """

    kind = Kind.UNAVAILABLE
    code = "NOT_READY"
    client = "Send the request to another instance, or retry after the seconds in Retry-After."
    operator = (
        "If database failed, PostgreSQL is down or read-only. If migrations failed, run `flask db upgrade` or "
        "deploy the newer code. If draining failed, the instance is stopping and finishes in-flight requests."
    )
    since = "0.1.0"
    instance = "/readyz"
    checks: dict[str, str]
    example = {"checks": {"database": "failed", "migrations": "failed", "draining": "ok"}, "retry_after": 1}


class DeadlineExceeded(Error):
    """The request exceeded its time budget.

    Every request has a time budget: 10 seconds, or less with Request-Timeout. ``spent_in`` is the stage in which the
    budget ran out.
    """

    kind = Kind.DEADLINE
    code = "DEADLINE_EXCEEDED"
    message = "The budget of {budget_ms} ms ran out in {spent_in}."
    client = (
        "If retryable is true, retry with a longer Request-Timeout, or request less: a smaller page, a narrower filter."
        " If it is false, the service may have applied the change: read the current state first."
    )
    operator = "Look for slow statements and lock waits at that time. The log entry has the stage."
    since = "0.1.0"
    budget_ms: int
    spent_in: str
    example = {"budget_ms": 10000, "spent_in": "database"}


class InsufficientStorage(Error):
    """The storage of the service is full."""

    kind = Kind.STORAGE_FULL
    code = "INSUFFICIENT_STORAGE"
    message = "The service has no storage space left. Nothing was changed."
    client = "Retry later. Reads still work."
    operator = "The database reports a full disk (SQLSTATE 53100). Free space or enlarge the volume."
    since = "0.1.0"


class ExternalServiceError(Error):
    """A dependency of the service failed."""

    kind = Kind.EXTERNAL
    code = "EXTERNAL_SERVICE_ERROR"
    message = "A dependency did not return a valid response."
    client = "Retry with exponential backoff."
    operator = "The log entry has the dependency and its response."
    since = "0.1.0"


class RateLimitExceeded(Error):
    """This address sent too many requests.

    The service counts requests per client address before authentication. The RateLimit header of every response has
    the number of remaining requests.
    """

    kind = Kind.RATE_LIMITED
    code = "RATE_LIMIT_EXCEEDED"
    message = "The limit is {limit} requests in {window_seconds} s. The next window starts in {retry_after} s."
    client = "Wait the seconds in Retry-After. Read RateLimit to stay below the limit."
    operator = "For a single client, no action is needed. If the service rejects many clients, raise RATE_LIMIT."
    since = "0.1.0"
    limit: int
    window_seconds: int
    example = {"limit": 100, "window_seconds": 1, "retry_after": 1}
    curl = "curl -i --fail-early --fail-with-body '{url}/#[1-1000]'"


class RouteNotFound(Error):
    """The path does not exist.

    No route matches the path. Paths have no slash at the end and are case-sensitive.
    """

    kind = Kind.NOT_EXIST
    code = "ROUTE_NOT_FOUND"
    client = "Compare the path with the API reference."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/v1/taks"
    curl = "curl -i '{url}/v1/taks'"


class MethodNotAllowed(Error):
    """The path does not support this method."""

    kind = Kind.METHOD_NOT_ALLOWED
    code = "METHOD_NOT_ALLOWED"
    message = "This path does not support {method}. Supported methods: {allowed}."
    client = "Use one of the methods in Allow."
    operator = "No action is needed."
    since = "0.1.0"
    method: str
    allowed: list[str]
    quotes = ("method",)
    example = {"method": "PUT", "allowed": ["GET", "HEAD", "OPTIONS", "POST"]}
    curl = "curl -i -X PUT '{url}/v1/tasks'"


class CatalogueEntryNotFound(Error):
    """The catalogue does not contain this error."""

    kind = Kind.NOT_EXIST
    code = "CATALOGUE_ENTRY_NOT_FOUND"
    client = "Use a code from the error catalogue."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/errors/no-such-error"
    curl = "curl -i '{url}/errors/no-such-error'"
