"""Limits on sizes, times and counts, from the constants and settings that hold them."""

from datetime import timedelta
from typing import Final

from app.clients.http import client
from app.config import Settings
from app.config.setting import default_of
from app.models import (
    jobs,
    movies,
    one_time_tokens,
    orders,
    passwords,
    products,
    sessions,
    tasks,
    token_lifetimes,
    users,
)
from app.repositories import list_statements, listing
from app.resilience import login_throttle, mail_throttle
from app.rest import accept, errors, operations
from app.rest.hooks import deadline
from app.rpc import error_details
from app.services import external_issuers, failed_requests, google_tokens, idempotency, tokens
from app.wire import filtering, json_error_locator, list_parameters, ordering, page_tokens
from app.wire.schemas import tasks as task_schemas
from tests.docs.generate.markdown import code, document, link, table

GUNICORN: Final = "8,190 bytes"
HEADER: Final = ("Limit", "Value", "Beyond it", "Set by")
UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def page() -> str:
    """Return the page of limits."""
    return document(
        "Limits",
        "constants of app/",
        "Limits on sizes, times and counts. A limit without a setting is a constant in the code. For the size of each body, see "
        f"{link('HTTP API', 'http-api.md')}. For accepted values of settings, see {link('Settings', 'settings.md')}.",
        "## Requests\n\n" + table(HEADER, _requests()),
        "## Lists\n\n" + table(HEADER, _lists()),
        "## Resources\n\n" + table(HEADER, _resources()),
        "## Time and capacity\n\n" + table(HEADER, _times()),
        "## Accounts and tokens\n\n" + table(HEADER, _accounts()),
        "## Background work and records\n\n" + table(HEADER, _work()),
    )


def _default(name: str) -> object:
    return default_of(Settings.__dataclass_fields__[name.lower()])


def _setting(name: str) -> str:
    return link(code(name), "settings.md", name)


def _error(name: str, status: int) -> str:
    return f"{status} {link(code(name), 'errors.md', name)}"


def _violation(name: str) -> str:
    return link(code(name), "violations.md", name)


def _bytes(size: int) -> str:
    return f"{size // 1024} KiB" if size % 1024 == 0 else f"{size:,} bytes"


def _time(seconds: float | timedelta) -> str:
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    for size, unit in UNITS:
        if total >= size and total % size == 0:
            return f"{total / size:g} {unit}{'s' if total != size else ''}"
    return f"{total * 1000:g} ms"


def _requests() -> list[tuple[str, str, str, str]]:
    large = _error("BODY_TOO_LARGE", 413)
    return [
        ("Body of any request", f"{_default('MAX_BODY_BYTES'):,} bytes", large, _setting("MAX_BODY_BYTES")),
        ("Body of an operation that declares no size", _bytes(operations.DEFAULT_BODY), large, "the operation"),
        ("Request line", GUNICORN, _error("URI_TOO_LONG", 414), ""),
        ("One header field", GUNICORN, _error("HEADER_FIELDS_TOO_LARGE", 431), ""),
        ("Header fields", "100", _error("HEADER_FIELDS_TOO_LARGE", 431), ""),
        ("Nesting of JSON", f"{json_error_locator.MAX_DEPTH} levels", _error("MALFORMED_JSON", 400), ""),
        (
            "Value of `Accept`",
            f"{accept.LONGEST} characters, {accept.MOST_RANGES} media ranges",
            "the rest is ignored",
            "",
        ),
        ("Violations and failures in a response", str(errors.LISTED), "`truncated` is true", ""),
        ("`instance` of a problem document", f"{errors.MAX_INSTANCE_LENGTH} characters", "it is cut", ""),
        ("Error details of a gRPC response", _bytes(error_details.LARGEST), "fewer violations are listed", ""),
    ]


def _lists() -> list[tuple[str, str, str, str]]:
    return [
        (
            "`page_size`",
            f"{list_parameters.MAX_PAGE_SIZE}, default {list_parameters.DEFAULT_PAGE_SIZE}",
            "it is lowered",
            "",
        ),
        ("`page_token`", f"{page_tokens.LONGEST} characters", _error("INVALID_PAGE_TOKEN", 400), ""),
        (
            "`filter`",
            f"{filtering.LONGEST} characters, {filtering.MOST_COMPARISONS} comparisons",
            _error("INVALID_FILTER", 400),
            "",
        ),
        ("`order_by`", f"{ordering.MOST_MEMBERS} fields", _error("INVALID_ORDER_BY", 400), ""),
        ("Time to count `total_size`", f"{listing.COUNT_BUDGET_MS} ms", "`total_size` is -1", ""),
        (
            "Estimated cost of a count, or of a sort without an index",
            f"{listing.AFFORDABLE:,.0f} units of PostgreSQL",
            f"`total_size` is -1, {_error('INVALID_ORDER_BY', 400)}",
            "",
        ),
        ("Rows that a page with a filter reads in order", f"{list_statements.SCANNED}", "the page is shorter", ""),
        ("Orders on a page with `expand=items`", str(orders.MAX_EXPANDED_ORDERS), "the page is shorter", ""),
        ("Items of an order in a response", str(orders.MAX_ITEMS), "`items_next_page_token`", ""),
    ]


def _resources() -> list[tuple[str, str, str, str]]:
    long = _violation("TOO_LONG")
    return [
        ("Task `title`", f"{tasks.TITLE_LENGTH} characters", long, ""),
        ("Task `description`", f"{tasks.DESCRIPTION_LENGTH} characters", long, ""),
        (
            "Task `tags`",
            f"{tasks.TAGS}, each {tasks.TAG_LENGTH} characters",
            f"{long}, {_violation('INVALID_TAG_FORMAT')}",
            "",
        ),
        ("Tasks in a batch", str(task_schemas.BATCH), _violation("BATCH_TOO_LARGE"), ""),
        ("Movie `title`, `director`, `writer`", f"{movies.NAME_LENGTH} characters", long, ""),
        ("Movie `rated`", f"{movies.RATED_LENGTH} characters", long, ""),
        ("Movie `run_time`", f"{movies.MAX_RUNNING_TIME:,} minutes", _violation("INVALID_VALUE"), ""),
        ("Order `items`", str(orders.MAX_ITEMS), long, ""),
        ("Order item `quantity`", f"{orders.MAX_QUANTITY:,}", _violation("INVALID_VALUE"), ""),
        ("Product `sku`", f"{products.SKU_LENGTH} characters", long, ""),
        ("User `name`", f"{users.NAME_LENGTH} characters", long, ""),
        ("User `email`", f"{users.EMAIL_LENGTH} characters", long, ""),
    ]


def _times() -> list[tuple[str, str, str, str]]:
    limited, busy = _error("RATE_LIMIT_EXCEEDED", 429), _error("SERVICE_UNAVAILABLE", 503)
    return [
        (
            "Time budget of a request",
            f"{_default('REQUEST_TIMEOUT'):g} seconds",
            _error("DEADLINE_EXCEEDED", 504),
            _setting("REQUEST_TIMEOUT"),
        ),
        ("`Request-Timeout`", f"at least {deadline.MIN_SECONDS:g} seconds", _error("VALIDATION_FAILED", 400), ""),
        ("Requests per client address", str(_default("RATE_LIMIT")), limited, _setting("RATE_LIMIT")),
        (
            "Requests for tokens per client address",
            str(_default("TOKEN_RATE_LIMIT")),
            limited,
            _setting("TOKEN_RATE_LIMIT"),
        ),
        (
            "Registrations and password resets per client address",
            str(_default("REGISTRATION_RATE_LIMIT")),
            limited,
            _setting("REGISTRATION_RATE_LIMIT"),
        ),
        (
            "Threads per worker",
            str(_default("WEB_THREADS")),
            f"requests wait in a queue, then {busy}",
            _setting("WEB_THREADS"),
        ),
        ("Database connections per worker", str(_default("DATABASE_POOL_SIZE")), busy, _setting("DATABASE_POOL_SIZE")),
        ("Response of a dependency", _bytes(client.MAX_BYTES), _error("EXTERNAL_SERVICE_ERROR", 502), ""),
    ]


def _accounts() -> list[tuple[str, str, str, str]]:
    attempts = f"{login_throttle.MAX_ATTEMPTS} in {_time(login_throttle.WINDOW)}"
    mails = f"{mail_throttle.MAILS_PER_WINDOW} in {_time(mail_throttle.WINDOW)}"
    return [
        (
            "Password",
            f"{passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters",
            f"{_violation('TOO_SHORT')}, {_violation('TOO_LONG')}",
            "",
        ),
        ("Logins per account and client network", attempts, _error("RATE_LIMIT_EXCEEDED", 429), ""),
        ("Emails per address and purpose", mails, "further emails are sent later", ""),
        ("Lifetime of an access token", _time(token_lifetimes.ACCESS_LIFETIME), _error("INVALID_TOKEN", 401), ""),
        ("Lifetime of a refresh token", _time(token_lifetimes.REFRESH_LIFETIME), "401", ""),
        ("Reuse of a refresh token while its successor is unused", _time(sessions.GRACE), "the session ends", ""),
        ("Lifetime of an activation token", _time(users.ACTIVATION), "400", ""),
        ("Lifetime of a password reset token", _time(users.RESET), "400", ""),
        (
            "Access token",
            f"{tokens.MAX_LENGTH} characters; of an issuer in `ISSUERS` {external_issuers.MAX_LENGTH}",
            _error("INVALID_TOKEN", 401),
            "",
        ),
        ("Email token", f"{one_time_tokens.MAX_LENGTH} characters", "400", ""),
        (
            "Lookups of Google tokens per address",
            f"{google_tokens.MAX_LOOKUPS} in {_time(google_tokens.LOOKUP_WINDOW)}",
            _error("RATE_LIMIT_EXCEEDED", 429),
            "",
        ),
    ]


def _work() -> list[tuple[str, str, str, str]]:
    return [
        ("Lifetime of a stored response (`Idempotency-Key`)", _time(idempotency.LIFETIME), "the key is free again", ""),
        ("Attempts at a job", str(jobs.MAX_ATTEMPTS), "the job is dead", ""),
        ("Payload of a job", _bytes(jobs.LARGEST_PAYLOAD), "the job is rejected", ""),
        ("Dead jobs are kept", _time(jobs.DEAD_FOR), "they are deleted", ""),
        (
            "Failed requests that are kept",
            f"{_default('FAILURES_KEPT'):,}",
            "the oldest are deleted",
            _setting("FAILURES_KEPT"),
        ),
        (
            "Days that failed requests are kept",
            str(_default("FAILURES_DAYS")),
            "they are deleted",
            _setting("FAILURES_DAYS"),
        ),
        (
            "Failed requests with one request ID in a response",
            str(failed_requests.MAX_OCCURRENCES),
            "the newest are returned",
            "",
        ),
    ]
