"""Violations of path, query, header fields and body. They are reported together (C9a), when all are known."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from app.errs.requests import ValidationFailed
from app.rest import operations, query
from app.rest.request import Request, current


def failure(request: Request) -> ValidationFailed:
    """Return the error that lists the violations of a request."""
    operation = request.operation
    names = (*operation.others, *(operation.parameters or ())) if operation else ()
    return ValidationFailed(violations=query.in_order(request.violations, names))


def checked(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that runs only without violations. Decorators above it decode and collect them.

    A view below ``response`` is already checked.
    """
    operation = operations.drafted(view)
    if operation.is_checked:
        return view
    call = operations.synchronous(view)

    @wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        request = current()
        if request.violations:
            raise failure(request)
        return call(*args, **kwargs)

    operation.is_checked = True
    return operations.write(run, operation)
