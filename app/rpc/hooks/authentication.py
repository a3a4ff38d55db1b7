"""Finds out who asks, and whether they may. Last before the handler: nothing is decoded for a bad token (C9)."""

from collections.abc import Callable

from app import context
from app.errs.access import InsufficientScope
from app.rpc.calls import Call
from app.wire.credentials import anonymous, bearer_token


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Set the principal.

    Raises:
        MissingCredentials, InvalidToken: nobody, or nobody we know, is asking.
        InsufficientScope: the caller may not do this.
    """
    token = bearer_token(call.metadata.get("authorization", ""))
    if token:
        caller = call.services.tokens.verify(token, sender=call.client_address)
    else:
        caller = anonymous(call.app.config["ANONYMOUS_SCOPES"])
    context.principal.set(caller)
    if call.method and not caller.may(call.method.scope):
        raise InsufficientScope(scope=call.method.scope, user=caller.id)
    return proceed()
