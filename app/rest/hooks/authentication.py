"""Finds out who asks, and whether they may. Last before the handler: the body is not read for a bad token (C9)."""

from flask import Flask, current_app, request

from app import context
from app.context import Principal
from app.errs.access import InsufficientScope
from app.rest import operations
from app.rest.current import services
from app.rest.hooks.limits import client_address
from app.wire.credentials import anonymous, bearer_token


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_authenticate)
    app.teardown_request(_forget)


def _authenticate() -> None:
    """Set the principal of a guarded operation.

    Raises:
        MissingCredentials, InvalidToken: nobody, or nobody we know, is asking.
        InsufficientScope: the caller may not do this.
    """
    operation = operations.current()
    if operation is None or operation.scope is operations.PUBLIC:
        return
    caller = _caller()
    context.principal.set(caller)
    if operation.scope and not caller.may(operation.scope):
        raise InsufficientScope(scope=operation.scope, user=caller.id)


def _caller() -> Principal:
    token = bearer_token(request.headers.get("Authorization", ""))
    context.bearer.set(token)
    if token:
        return services().tokens.verify(token, sender=client_address())
    return anonymous(current_app.config["ANONYMOUS_SCOPES"])


def _forget(_exc: BaseException | None) -> None:
    context.principal.set(None)
    context.bearer.set(None)
