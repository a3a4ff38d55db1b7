"""What can go wrong, for any Python program: a leaf that imports nothing of the house and nothing of the web.

::

    Kind                          the closed list, with fault, retryability and log level
    Error                         raise, or add to one that wanders up with E(...)
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
    └── fallbacks   one for every other kind

A named error is defined once, here; the exception, the problem document, the log line, the OpenAPI response and the
catalogue page all come from that definition. A module imported below is in the catalogue.
"""

from app.errs import (
    access,
    failures,
    fallbacks,
    lists,
    movies,
    orders,
    platform,
    requests,
    sessions,
    tasks,
    users,
)
from app.errs.catalogue import definition, fallback, named_errors, occurrence, plain, slug
from app.errs.declare import WATCHERS, Watcher, raised_by, raises, tell
from app.errs.error import CODE, E, Error, Violation, chain, kind_is, ops, root_cause, title
from app.errs.helpers import input_unwanted, missing_field
from app.errs.kinds import Fault, Kind
from app.errs.marshal import from_json, from_problem, to_json
from app.errs.matching import match

__all__ = [
    "CODE",
    "WATCHERS",
    "E",
    "Error",
    "Fault",
    "Kind",
    "Violation",
    "Watcher",
    "access",
    "chain",
    "definition",
    "failures",
    "fallback",
    "fallbacks",
    "from_json",
    "from_problem",
    "input_unwanted",
    "kind_is",
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
    "raised_by",
    "raises",
    "requests",
    "root_cause",
    "sessions",
    "slug",
    "tasks",
    "tell",
    "title",
    "to_json",
    "users",
]
