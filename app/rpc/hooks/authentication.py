"""Authenticates and authorizes the caller. Last before the handler: a bad token causes no decoding (C9)."""

from collections.abc import Callable

from app import request_context
from app.errs.access import InsufficientScope
from app.rpc.calls import Call
from app.wire.credentials import anonymous, bearer_token


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Set the principal.

    Raises:
        MissingCredentials, InvalidToken: the token is missing or invalid.
        InsufficientScope: the token lacks the method's scope.
    """
    token = bearer_token(call.metadata.get("authorization", ""))
    if token:
        caller = call.services.tokens.verify(token, sender=call.client_address)
    else:
        caller = anonymous(call.app.config["ANONYMOUS_SCOPES"])
    request_context.principal.set(caller)
    if call.method and not caller.may(call.method.scope):
        raise InsufficientScope(scope=call.method.scope, user=caller.id)
    return proceed()
