"""The error model and its named errors. This package imports no other package of the codebase and no web framework.

::

    Kind                          the closed list of categories, with fault, retryability and log level
    Error                         the base class; E(...) makes an error in one call, or adds context to another error
    ├── access      MissingCredentials, InvalidToken, InsufficientScope
    ├── requests    MalformedRequest, UnsupportedTransferCoding, UriTooLong, HeaderFieldsTooLarge,
    │               UnsupportedMediaType, NotAcceptable, BodyTooLarge, EmptyBody, MalformedJson,
    │               ValidationFailed, PreconditionFailed, PreconditionRequired, InvalidIdempotencyKey,
    │               IdempotencyKeyReused, IdempotencyInProgress
    ├── lists       InvalidFilter, InvalidOrderBy, InvalidPageToken
    ├── platform    InternalError, ServiceUnavailable, NotReady, DeadlineExceeded, InsufficientStorage,
    │               ExternalServiceError, RateLimitExceeded, RouteNotFound, MethodNotAllowed, CatalogueEntryNotFound
    ├── failures    RequestNotFound
    ├── sessions    InvalidCredentials
    ├── movies      MovieNotFound
    ├── orders      OrderNotFound, NotOrderCustomer, OrderNotCancellable, OrderNotShippable
    ├── tasks       TaskNotFound, NotTaskOwner, TaskTitleTaken, BatchFailed
    ├── users       UserNotFound, NotThisUser, InvalidOneTimeToken
    ├── status_errors  one for each HTTP status that has no kind: Gone, Locked, ImATeapot, …
    └── fallbacks   one for each other kind

``E`` takes an operation, a ``Kind`` and an exception by position, in any order, and everything else by keyword::

    raise E("tasks.get", Kind.NOT_EXIST, message="The task was archived.")
    raise E("tasks.get", Kind.CONFLICT, code="TASK_LOCKED", message="The task is locked.")
    raise E("tasks.get", error)              # inherits kind, code and texts from error
    raise E("tasks.get", user=by.id) from error

Clients see the kind, the code and the message. Without a code, they see the code of the kind's fallback. If a code is
not in the catalogue, ``type`` is the page of the kind's fallback.

``violation_catalogue`` contains the codes of input violations. Each has a page.

Each named error has a page. It is defined once, here. The exception, the problem document, the log entry, the OpenAPI
response and the catalogue page come from that definition. The catalogue contains the modules that are imported below.
"""

from app.errs import (
    access,
    failed_requests,
    fallbacks,
    lists,
    movies,
    orders,
    platform,
    requests,
    sessions,
    status_errors,
    tasks,
    users,
)
from app.errs.catalogue import definition, fallback, named_errors, occurrence, plain, slug
from app.errs.declare import WATCHERS, Watcher, raised_by, raises, report
from app.errs.error import CODE, Error, Violation, causes, kind_is, ops, root_cause, title
from app.errs.error_matching import match
from app.errs.examples import example_of, simulated
from app.errs.kinds import Fault, Kind
from app.errs.make import E
from app.errs.public_parts import (
    Outcome,
    is_retryable,
    known_facts,
    public_code,
    public_facts,
    public_message,
    public_wait,
)
from app.errs.serialization import from_json, from_problem, to_json
from app.errs.validation_constructors import input_unwanted, missing_field
from app.errs.violation_catalogue import ViolationCode, violation_codes

__all__ = [
    "CODE",
    "WATCHERS",
    "E",
    "Error",
    "Fault",
    "Kind",
    "Outcome",
    "Violation",
    "ViolationCode",
    "Watcher",
    "access",
    "causes",
    "definition",
    "example_of",
    "failed_requests",
    "fallback",
    "fallbacks",
    "from_json",
    "from_problem",
    "input_unwanted",
    "is_retryable",
    "kind_is",
    "known_facts",
    "lists",
    "match",
    "missing_field",
    "movies",
    "named_errors",
    "occurrence",
    "ops",
    "orders",
    "plain",
    "platform",
    "public_code",
    "public_facts",
    "public_message",
    "public_wait",
    "raised_by",
    "raises",
    "report",
    "requests",
    "root_cause",
    "sessions",
    "simulated",
    "slug",
    "status_errors",
    "tasks",
    "title",
    "to_json",
    "users",
    "violation_codes",
]
