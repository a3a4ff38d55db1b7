"""Finds out who asks, and whether they may. Last before the handler: the body is not read for a bad token (C9)."""

import re
from typing import Final

from flask import Flask, current_app, request

from app import context
from app.context import Principal
from app.errs.access import InsufficientScope, InvalidToken, MissingCredentials
from app.rest import operations
from app.rest.current import services
from app.services.tokens import MALFORMED

ANONYMOUS: Final = "anonymous"
SEVERAL: Final = "Send exactly one Authorization header"
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?: |$)")
_SEVERAL: Final = re.compile(r",\s*(bearer|basic|digest|negotiate)\b", re.IGNORECASE)


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
    sent = request.headers.get("Authorization", "").strip()
    if _SEVERAL.search(sent):
        raise InvalidToken(description=SEVERAL)
    if bearer := _BEARER.fullmatch(sent):
        return services().tokens.verify(bearer[1])
    scheme = _SCHEME.match(sent)
    if sent and (scheme is None or scheme[1].lower() == "bearer"):
        raise InvalidToken(description=MALFORMED)
    return _anonymous()


def _anonymous() -> Principal:
    """Return who asks without credentials, where that is allowed at all."""
    scopes = current_app.config["ANONYMOUS_SCOPES"]
    if not scopes:
        raise MissingCredentials
    return Principal(ANONYMOUS, frozenset(scopes))


def _forget(_exc: BaseException | None) -> None:
    context.principal.set(None)
