"""An operation: a method on a route, and everything that it may answer with an error.

A handler's decorators and the machinery around it each add what they can raise; OpenAPI, the run-time check and the
sweep tests read the one list that results.
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
from app.wire.common_errors import DATABASE, GUARDED
from app.wire.deprecation import Deprecation

PUBLIC: Final = None
"""The guard of a blueprint that anybody may call."""
SIGNED_IN: Final = ""
"""The guard of a blueprint that whoever has a token may call, whatever its scopes."""
JSON: Final = ("application/json",)
_ROUTED: Final = "__routed__"

KIB: Final = 1024
MIB: Final = 1024 * KIB
DEFAULT_BODY: Final = 64 * KIB
"""Bytes of a body of JSON that an operation reads if neither it nor its blueprint declares a size."""

EVERYWHERE: Final = (
    requests.MalformedRequest,
    requests.UnsupportedTransferCoding,
    requests.UriTooLong,
    requests.HeaderFieldsTooLarge,
    platform.RouteNotFound,
    platform.MethodNotAllowed,
)
"""What is answered before there is an operation."""
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
    """What the machinery has to know of an operation before its handler runs."""

    name: str = ""
    scope: str | None = PUBLIC
    is_limited: bool = True
    limit: str | None = None
    """The setting with the limit of this operation alone."""
    operation_id: str = ""
    consumes: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    """The locations that are read from the body: ``json``, or ``form`` and ``files``."""
    is_body_required: bool = True
    max_body_bytes: int | None = None
    """The size of body that it declares; ``None``: neither it nor its blueprint declares one."""
    produces: tuple[str, ...] = JSON
    parameters: tuple[str, ...] | None = None
    """The names of its query parameters; ``None``: it declares none."""
    arg_names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """The names of its parameters in the path and in cookies."""
    headers: tuple[str, ...] = ()
    """The header fields that its schemas read."""
    is_checked: bool = False
    """Whether a decorator already keeps the handler from running when there are violations."""
    is_documented: bool = True
    deprecation: Deprecation | None = None
    """The announcement that it will be removed."""
    needs_slot: bool = False
    hashes: bool = False
    """Whether its use case hashes a password, and so takes a place in the share of that."""
    raises: list[type[Error]] = field(default_factory=list)

    def add(self, errors: Iterable[type[Error]]) -> None:
        """Declare errors."""
        self.raises += [error for error in errors if error not in self.raises]

    def complete(self) -> None:
        """Declare what the machinery around every handler adds."""
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
        """Return the bytes of body that it reads.

        Args:
            largest: those that the service reads at most, whatever an operation declares. A form without a declared
                size may have as many.
        """
        return min(self.max_body_bytes or (DEFAULT_BODY if "json" in self.bodies else largest), largest)

    def copy(self, **changes: Any) -> "Operation":
        """Return another one that can be changed by itself."""
        return replace(self, **{"raises": [*self.raises], **changes})


def draft(view: Callable[..., Any]) -> Operation:
    """Return the operation that a handler's decorators are writing, innermost first.

    Raises:
        TypeError: the view is a class, or has its route already.
    """
    if isinstance(inspect.unwrap(view), type):
        raise TypeError(f"{view.__name__} is a class: only route decorates it, all other decorators go on its methods")
    if _ROUTED in view.__dict__:
        raise TypeError(f"route has to be the topmost decorator of {view.__name__}: what stands above it has no effect")
    operation: Operation = view.__dict__.setdefault("__operation__", Operation())
    return operation


def extend(wrapper: Callable[..., Any]) -> Operation:
    """Return the draft of a wrapper, which begins as that of the view inside; the view can be decorated otherwise too.

    Raises:
        TypeError: as ``draft``.
    """
    operation = draft(wrapper).copy()
    write(wrapper, operation)
    return operation


def write(view: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    """Return the view, with an operation as its draft."""
    view.__dict__["__operation__"] = operation
    return view


def drafted(view: Callable[..., Any]) -> Operation:
    """Return a copy of what the decorators of a handler have written."""
    found: Operation | None = getattr(view, "__operation__", None)
    return found.copy() if found else Operation()


def mark_routed(view: Callable[..., Any]) -> None:
    """Remember that a view has its route, and that no decorator may follow."""
    if not isinstance(view, type):
        view.__dict__[_ROUTED] = True


def is_routed(view: object) -> bool:
    """Return whether a view of a blueprint of this project has its route."""
    return _ROUTED in getattr(view, "__dict__", ())


def synchronous(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return the view; a coroutine function runs by Flask's ``ensure_sync``, which needs ``flask[async]``."""
    if not inspect.iscoroutinefunction(view):
        return view

    @wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        return current_app.ensure_sync(view)(*args, **kwargs)

    return run


def pass_through(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that calls another one and has a draft of its own."""
    inner = synchronous(view)

    @wraps(inner)
    def passing(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    extend(passing)
    return passing


def declare_calls(view: Callable[..., Any], use_case: Callable[..., object], *, needs_database: bool = True) -> None:
    """Declare what a use case raises, and what the database under it adds.

    Raises:
        TypeError: the use case declares nothing.
    """
    draft(view).add(raised_by(use_case))
    if needs_database:
        draft(view).needs_slot = True
        draft(view).hashes |= hashes(use_case)
        draft(view).add(DATABASE)


def register(app: App, endpoint: str, method: str, operation: Operation) -> None:
    """Enter an operation into the application's table."""
    app.extensions.setdefault("app-operations", {})[endpoint, method] = operation


def table(app: Flask) -> dict[tuple[str, str], Operation]:
    """Return every operation by endpoint and method."""
    operations: dict[tuple[str, str], Operation] = app.extensions["app-operations"]
    return operations


class _Anything:
    """What a route outside of the operations declares: nothing, and it may raise anything."""

    def __contains__(self, _error: object) -> bool:
        return True


_ANYTHING: Final = _Anything()


def declared(operation: Operation | None, *, is_free: bool = False) -> Container[type[Error]]:
    """Return all that may be answered: the operation's errors and those before any operation.

    Args:
        operation: ``None`` where there is none.
        is_free: whether anything may be raised outside of the operations.
    """
    if operation is None and is_free:
        return _ANYTHING
    return (*EVERYWHERE, *(operation.raises if operation else ()))
