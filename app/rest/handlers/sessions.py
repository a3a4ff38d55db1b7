"""Logins and sessions over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.current import client_network, services
from app.rest.operations import KIB
from app.services.sessions import Credentials, SessionService
from app.wire.schemas import sessions as wire
from app.wire.schemas.base import EmptySchema

blp = Blueprint(
    "tokens",
    __name__,
    scope=operations.PUBLIC,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Sessions: log in, refresh, revoke.",
)


@blp.route("/tokens", methods=("POST",), limit="TOKEN_RATE_LIMIT")
@blp.arguments(wire.CredentialsSchema)
@blp.response(HTTPStatus.OK, wire.TokensSchema)
@blp.calls(SessionService.log_in)
def create_tokens(sent: Credentials) -> Any:
    """Log in with email address and password. All failures return the same 401."""
    return services().sessions.log_in(sent, network=client_network())


@blp.route("/tokens:refresh", methods=("POST",))
@blp.arguments(wire.TokenRefreshSchema)
@blp.response(HTTPStatus.OK, wire.TokensSchema)
@blp.calls(SessionService.refresh)
def refresh_tokens(sent: Mapping[str, str]) -> Any:
    """Refresh a session. Refresh tokens are single-use. For 60 seconds you can resend one if the response was lost."""
    return services().sessions.refresh(sent["refresh_token"])


@blp.route("/tokens:revoke", methods=("POST",))
@blp.arguments(wire.TokenRevocationSchema)
@blp.response(HTTPStatus.OK, EmptySchema)
@blp.calls(SessionService.revoke)
def revoke_token(sent: Mapping[str, str]) -> Any:
    """End the session of a refresh or access token (RFC 7009), within 5 seconds. The status is always 200."""
    services().sessions.revoke(sent["token"])
    return {}
