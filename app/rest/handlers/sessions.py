"""Logging in over HTTP."""

from http import HTTPStatus
from typing import Any

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.current import services
from app.services.sessions import Credentials, SessionService
from app.wire.schemas import sessions as wire

blp = Blueprint("tokens", __name__, scope=operations.PUBLIC, url_prefix="/v1", description="Logging in.")


@blp.route("/tokens", methods=("POST",), limit="TOKEN_RATE_LIMIT")
@blp.arguments(wire.CredentialsSchema)
@blp.response(HTTPStatus.OK, wire.TokensSchema)
@blp.calls(SessionService.log_in)
def create_tokens(sent: Credentials) -> Any:
    """Log in with address and password. Whatever is wrong, the answer is the same 401."""
    return services().sessions.log_in(sent)
