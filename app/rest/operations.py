"""An operation: a method on a route, and everything that it may answer with an error.

A handler's decorators and the machinery around it each add what they can raise; OpenAPI, the run-time check and the
sweep tests read the one list that results.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask

from app.errs import Error, access, platform, raised_by, requests
from app.wire.machinery import DATABASE, GUARDED

PUBLIC: Final = None
"""The guard of a blueprint that anybody may call."""
SIGNED_IN: Final = ""
"""The guard of a blueprint that whoever has a token may call, whatever its scopes."""
JSON: Final = ("application/json",)

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


@dataclass(slots=True, kw_only=True)
class Operation:
    """What the machinery has to know of an operation before its handler runs."""

    name: str = ""
    scope: str | None = PUBLIC
    is_limited: bool = True
    limit: str | None = None
    """The setting with the limit of this operation alone."""
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = JSON
    parameters: tuple[str, ...] | None = None
    is_documented: bool = True
    needs_slot: bool = False
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
            self.add(BODY)


def draft(view: Callable[..., Any]) -> Operation:
    """Return the operation that a handler's decorators are writing, innermost first."""
    operation: Operation = view.__dict__.setdefault("__operation__", Operation())
    return operation


def declare_calls(view: Callable[..., Any], use_case: Callable[..., object], *, needs_database: bool = True) -> None:
    """Declare what a use case raises, and what the database under it adds.

    Raises:
        TypeError: the use case declares nothing.
    """
    draft(view).add(raised_by(use_case))
    if needs_database:
        draft(view).needs_slot = True
        draft(view).add(DATABASE)


def register(app: Flask, endpoint: str, methods: Iterable[str], operation: Operation) -> None:
    """Enter an operation into the application's table, under each of its methods."""
    table = app.extensions.setdefault("candor-operations", {})
    for method in methods:
        table[endpoint, method] = operation


def table(app: Flask) -> dict[tuple[str, str], Operation]:
    """Return every operation by endpoint and method."""
    operations: dict[tuple[str, str], Operation] = app.extensions["candor-operations"]
    return operations


class _Anything:
    """What a route outside of the operations declares: nothing, and it may raise anything."""

    def __contains__(self, _error: object) -> bool:
        return True


_ANYTHING: Final = _Anything()


def declared(operation: Operation | None, *, is_matched: bool = False) -> Container[type[Error]]:
    """Return all that may be answered: the operation's errors and those before any operation.

    Args:
        operation: ``None`` where there is none.
        is_matched: whether a route matches; without an operation it is one of Flask's own kind.
    """
    if operation is None and is_matched:
        return _ANYTHING
    return (*EVERYWHERE, *(operation.raises if operation else ()))
