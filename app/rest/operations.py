"""An operation: a method of a route, with its attributes and its errors.

The decorators of a handler and the code around it add the errors that they can raise. OpenAPI, the run-time check and
tests read the resulting list.
"""

import inspect
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Final

from flask import Flask, current_app
from flask.sansio.app import App

from app.errs import Error, access, platform, raised_by, requests
from app.resilience.hashing_share import hashes
from app.wire.deprecation import Deprecation
from app.wire.implied_errors import DATABASE, GUARDED

PUBLIC: Final = None
"""The scope of a blueprint that requires no token."""
SIGNED_IN: Final = ""
"""The scope of a blueprint that requires a token with any scopes."""
JSON: Final = ("application/json",)
_ROUTED: Final = "__routed__"

KIB: Final = 1024
MIB: Final = 1024 * KIB
DEFAULT_BODY: Final = 64 * KIB
"""The largest JSON body, in bytes, if neither the operation nor its blueprint declares a size."""

EVERYWHERE: Final = (
    requests.MalformedRequest,
    requests.UnsupportedTransferCoding,
    requests.UriTooLong,
    requests.HeaderFieldsTooLarge,
    platform.RouteNotFound,
    platform.MethodNotAllowed,
)
"""Errors of requests that reach no operation."""
BODY: Final = (
    requests.UnsupportedMediaType,
    requests.BodyTooLarge,
    requests.MalformedRequest,
    requests.EmptyBody,
    requests.MalformedJson,
)
FORM: Final = (requests.UnsupportedMediaType, requests.BodyTooLarge, requests.MalformedRequest)


@dataclass(slots=True, kw_only=True)
class Operation:
    """The attributes of an operation that are needed before its handler runs."""

    name: str = ""
    scope: str | None = PUBLIC
    is_limited: bool = True
    limit: str | None = None
    """The setting with the rate limit of this operation."""
    operation_id: str = ""
    consumes: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    """The locations that are read from the body: ``json``, or ``form`` and ``files``."""
    is_body_required: bool = True
    max_body_bytes: int | None = None
    """The declared body size, or ``None`` if neither the operation nor its blueprint declares one."""
    produces: tuple[str, ...] = JSON
    parameters: tuple[str, ...] | None = None
    """The names of its query parameters, or ``None`` if it declares no query."""
    arg_names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """The names of its parameters in the path and in cookies."""
    headers: tuple[str, ...] = ()
    """The header fields that its schemas read."""
    is_checked: bool = False
    """True if a decorator already prevents the handler from running if there are violations."""
    is_documented: bool = True
    deprecation: Deprecation | None = None
    """The deprecation of the operation."""
    needs_slot: bool = False
    reads_replica: bool = False
    """True if it can read from a replica with the state that the caller has seen."""
    hashes: bool = False
    """True if its use case hashes a password, and therefore counts against the limit of hashing operations."""
    raises: list[type[Error]] = field(default_factory=list)

    def add(self, errors: Iterable[type[Error]]) -> None:
        """Declare errors."""
        self.raises += [error for error in errors if error not in self.raises]

    def complete(self) -> None:
        """Declare the errors of the code around every handler."""
        self.add([platform.InternalError, requests.ValidationFailed])
        if self.is_limited:
            self.add([platform.RateLimitExceeded])
        if self.produces:
            self.add([requests.NotAcceptable])
        if self.scope is not PUBLIC:
            self.add(GUARDED)
        if self.scope:
            self.add([access.InsufficientScope])
        if self.consumes:
            self.add(BODY if "json" in self.bodies else FORM)

    def body_limit(self, largest: int) -> int:
        """Return the body limit of the operation, in bytes.

        Args:
            largest: the body limit of the service. It is also the limit of a form without a declared size.
        """
        return min(self.max_body_bytes or (DEFAULT_BODY if "json" in self.bodies else largest), largest)

    def copy(self, **changes: Any) -> "Operation":
        """Return an independent copy."""
        return replace(self, **{"raises": [*self.raises], **changes})


def draft(view: Callable[..., Any]) -> Operation:
    """Return the operation that a handler's decorators define, innermost first.

    Raises:
        TypeError: the view is a class, or already has its route.
    """
    if isinstance(inspect.unwrap(view), type):
        raise TypeError(
            f"{view.__name__} is a class: use only route on it, and put all other decorators on its methods"
        )
    if _ROUTED in view.__dict__:
        raise TypeError(f"route must be the topmost decorator of {view.__name__}: those above it have no effect")
    operation: Operation = view.__dict__.setdefault("__operation__", Operation())
    return operation


def extend(wrapper: Callable[..., Any]) -> Operation:
    """Return the draft of a wrapper, a copy of the wrapped view's draft, which stays unchanged.

    Raises:
        TypeError: as ``draft``.
    """
    operation = draft(wrapper).copy()
    write(wrapper, operation)
    return operation


def write(view: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    """Set an operation as the draft of a view, and return the view."""
    view.__dict__["__operation__"] = operation
    return view


def drafted(view: Callable[..., Any]) -> Operation:
    """Return a copy of the operation from the decorators of a handler."""
    found: Operation | None = getattr(view, "__operation__", None)
    return found.copy() if found else Operation()


def mark_routed(view: Callable[..., Any]) -> None:
    """Mark a view as routed: no further decorator is allowed."""
    if not isinstance(view, type):
        view.__dict__[_ROUTED] = True


def is_routed(view: object) -> bool:
    """Return true if a view of a blueprint of this project has its route."""
    return _ROUTED in getattr(view, "__dict__", ())


def synchronous(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return the view. A coroutine function is wrapped in Flask's ``ensure_sync``, which requires ``flask[async]``."""
    if not inspect.iscoroutinefunction(view):
        return view

    @wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        return current_app.ensure_sync(view)(*args, **kwargs)

    return run


def pass_through(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that calls another view and has its own draft."""
    inner = synchronous(view)

    @wraps(inner)
    def passing(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    extend(passing)
    return passing


def declare_calls(
    view: Callable[..., Any],
    use_case: Callable[..., object],
    *,
    needs_database: bool = True,
    reads_replica: bool = False,
) -> None:
    """Declare the errors of a use case and of its database, and whether it can read from a replica.

    Raises:
        TypeError: the use case has no declaration.
    """
    draft(view).add(raised_by(use_case))
    draft(view).reads_replica = reads_replica
    if needs_database:
        draft(view).needs_slot = True
        draft(view).hashes |= hashes(use_case)
        draft(view).add(DATABASE)


def register(app: App, endpoint: str, method: str, operation: Operation) -> None:
    """Add an operation to the application's table."""
    app.extensions.setdefault("app-operations", {})[endpoint, method] = operation


def table(app: Flask) -> dict[tuple[str, str], Operation]:
    """Return all operations by endpoint and method."""
    operations: dict[tuple[str, str], Operation] = app.extensions["app-operations"]
    return operations


class _Anything:
    """The declaration of a route outside the operations, which can raise any error."""

    def __contains__(self, _error: object) -> bool:
        return True


_ANYTHING: Final = _Anything()


def declared(operation: Operation | None, *, is_free: bool = False) -> Container[type[Error]]:
    """Return all allowed errors: the operation's, and those of requests that reach no operation.

    Args:
        operation: the operation, or ``None``.
        is_free: true if routes outside the operations can raise any error.
    """
    if operation is None and is_free:
        return _ANYTHING
    return (*EVERYWHERE, *(operation.raises if operation else ()))
