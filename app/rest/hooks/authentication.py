"""Authenticates the caller, and checks the scope. Runs before the body is read and before any query (C9).

A route that is neither an operation nor marked as public requires a valid token (C25a).
"""

from contextvars import ContextVar
from typing import Any, Final

from flask import Flask

from app import request_context
from app.errs import Error
from app.errs.access import InsufficientScope
from app.resilience import deadline
from app.rest import operations, public_routes
from app.rest.current import services
from app.rest.request import Request, application, current
from app.wire.credentials import anonymous, bearer_token

SET: Final[tuple[ContextVar[Any], ...]] = (deadline.current, request_context.principal, request_context.bearer)
"""The context variables that hooks set."""


def install(app: Flask) -> None:
    """Register the hooks."""
    app.before_request(authenticate)
    app.teardown_request(_restore)


def authenticate() -> None:
    """Set the principal, unless the route is public.

    Raises:
        MissingCredentials, InvalidToken: there are no valid credentials.
        InsufficientScope: the caller's scopes do not include the operation's.
    """
    request = current()
    operation = request.operation
    if operation is None:
        _authenticate_route(request)
    elif operation.scope is not operations.PUBLIC:
        caller = _identified(request)
        if operation.scope and not caller.may(operation.scope):
            raise InsufficientScope(scope=operation.scope, user=caller.id)


def _authenticate_route(request: Request) -> None:
    """Authenticate the caller of a route outside the operations; in development, log how to make it public."""
    rule = request.url_rule
    if (
        rule is None
        or not request.is_dispatched
        or public_routes.is_public(application(), rule.endpoint, request.method)
    ):
        return
    try:
        _identified(request)
    except Error:
        if application().config["APP_ENV"] == "development":
            public_routes.explain(request.method, rule.rule, rule.endpoint)
        raise


def _identified(request: Request) -> request_context.Principal:
    """Return the caller, and set the principal."""
    token = bearer_token(request.sent("Authorization") or "")
    request_context.bearer.set(token)
    if token:
        caller = services().tokens.verify(token, sender=request.client_address)
    else:
        caller = anonymous(application().config["ANONYMOUS_SCOPES"])
    request_context.principal.set(caller)
    return caller


def _restore(_error: BaseException | None) -> None:
    """End the time budget. Restore caller and budget if no middleware does, as in ``test_request_context()``."""
    before = current().before
    if before is None:
        deadline.current.set(None)
        return
    for variable, value in zip(SET, before, strict=True):
        variable.set(value)
