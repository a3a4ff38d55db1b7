"""Errors are declared where they are raised: ``@raises(TaskNotFound)`` on a service method.

The declaration is data for the transports (OpenAPI, gRPC) and a check at run time: an undeclared error wanders on
as it is, and whoever watches (a log and a counter in production, a failing test in tests) is told its name. On its way
out an error is told the use case's name, ``tasks.create``: its trail.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from app.errs.catalogue import definition
from app.errs.error import Error
from app.errs.kinds import Fault

P = ParamSpec("P")
R = TypeVar("R")

Watcher = Callable[[str, Error, bool], None]
"""Receives the operation's name, the error it ended with, and whether that was declared."""

WATCHERS: Final[list[Watcher]] = []


def raises(*errors: type[Error], runs_callable: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the named errors that a use case raises on its own account.

    What every use case can meet (a fault of the service, a dependency or capacity) need not be named. An error that
    ``E`` makes of a kind, with or without a code of its own, is declared as the fallback of the kind.

    Args:
        errors: what it raises.
        runs_callable: whether it does work that is handed to it; what that raises is for its caller to declare.
    """

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        codes = frozenset(error.code for error in errors)
        op = f"{method.__module__.rpartition('.')[2]}.{method.__name__}"

        @wraps(method)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except Error as error:
                error.record_operation(op)
                is_declared = error.code in codes or definition(error).code in codes
                if error.kind.fault is Fault.CLIENT and (is_declared or not runs_callable):
                    report(method.__qualname__, error, declared=is_declared)
                raise

        checked.__raises__ = errors  # type: ignore[attr-defined]  # read by raised_by
        return checked

    return decorate


def raised_by(method: Callable[..., object]) -> tuple[type[Error], ...]:
    """Return what a use case declares.

    Raises:
        TypeError: it declares nothing; ``@raises()`` says that it raises nothing.
    """
    try:
        return method.__raises__  # type: ignore[attr-defined, no-any-return]  # set by raises
    except AttributeError:
        raise TypeError(f"{method.__qualname__} does not declare what it raises") from None


def report(operation: str, error: Error, *, declared: bool) -> None:
    """Tell every watcher how an operation ended."""
    for watcher in WATCHERS:
        watcher(operation, error, declared)
