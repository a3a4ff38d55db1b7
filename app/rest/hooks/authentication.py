"""Finds out who asks, and whether they may. Last before the handler: the body is not read for a bad token (C9)."""

from app import context
from app.context import Principal
from app.errs.access import InsufficientScope
from app.rest import operations
from app.rest.application import Application
from app.rest.current import services
from app.rest.request import Request
from app.wire.credentials import anonymous, bearer_token


def install(app: Application) -> None:
    """Install the hook."""

    def authenticate(request: Request) -> None:
        """Set the principal of a guarded operation.

        Raises:
            MissingCredentials, InvalidToken: nobody, or nobody we know, is asking.
            InsufficientScope: the caller may not do this.
        """
        operation = request.operation
        if operation is None or operation.scope is operations.PUBLIC:
            return
        caller = asking(request)
        context.principal.set(caller)
        if operation.scope and not caller.may(operation.scope):
            raise InsufficientScope(scope=operation.scope, user=caller.id)

    def asking(request: Request) -> Principal:
        token = bearer_token(request.sent("Authorization") or "")
        context.bearer.set(token)
        if token:
            return services().tokens.verify(token, sender=request.client_address)
        return anonymous(app.config["ANONYMOUS_SCOPES"])

    app.hook(before=authenticate, end=_forget)


def _forget() -> None:
    context.principal.set(None)
    context.bearer.set(None)
