"""Declaration of errors where they are raised: ``@raises(TaskNotFound)`` on a service method.

The transports read the declarations (OpenAPI, gRPC). They are also checked at run time: an undeclared error is raised
unchanged, and the watchers are notified (in production a log and a counter, in tests a failure). The decorator also
records the name of the use case, such as ``tasks.create``, in the operation path of the error.
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
"""Receives the name of the operation, its error, and true if the error was declared."""

WATCHERS: Final[list[Watcher]] = []


def raises(*errors: type[Error], runs_callable: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the named errors that a use case raises itself.

    Faults of the service, of a dependency or of capacity need no declaration: every use case can raise them. Declare an
    error that ``E`` makes from a kind, with or without a code, as the fallback of the kind.

    Args:
        errors: the errors that it raises.
        runs_callable: true if it runs a callable that it receives. The caller declares the errors of that callable.
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
    """Return the errors that a use case declares.

    Raises:
        TypeError: it has no declaration. ``@raises()`` declares that it raises no error.
    """
    try:
        return method.__raises__  # type: ignore[attr-defined, no-any-return]  # set by raises
    except AttributeError:
        raise TypeError(f"{method.__qualname__} does not declare its errors: add @raises(...)") from None


def report(operation: str, error: Error, *, declared: bool) -> None:
    """Notify all watchers of an operation's error."""
    for watcher in WATCHERS:
        watcher(operation, error, declared)
