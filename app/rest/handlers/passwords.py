"""Password changes and resets over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.rest import operations, scopes
from app.rest.blueprint import Blueprint
from app.rest.current import client_network, principal, services
from app.rest.operations import KIB
from app.services.passwords import PasswordService
from app.wire.schemas import passwords as wire
from app.wire.schemas.base import EmptySchema
from app.wire.schemas.users import AcknowledgementSchema

SENT: Final = {"message": "You receive an email with instructions."}

forgotten = Blueprint(
    "forgotten-passwords",
    __name__,
    scope=operations.PUBLIC,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Password reset by email.",
)
blp = Blueprint(
    "passwords",
    __name__,
    scope=scopes.ACCOUNT,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="The password of the caller.",
)


@forgotten.route("/users:requestPasswordReset", methods=("POST",), limit="REGISTRATION_RATE_LIMIT")
@forgotten.arguments(wire.PasswordResetRequestSchema)
@forgotten.response(HTTPStatus.ACCEPTED, AcknowledgementSchema)
@forgotten.calls(PasswordService.request_reset)
def request_password_reset(sent: Mapping[str, str]) -> Any:
    """Request a password reset email. The response is the same for an unknown address."""
    services().passwords.request_reset(sent["email"])
    return SENT


@forgotten.route("/users:resetPassword", methods=("POST",))
@forgotten.arguments(wire.PasswordResetSchema)
@forgotten.response(HTTPStatus.OK, EmptySchema)
@forgotten.calls(PasswordService.reset)
def reset_password(sent: Mapping[str, str]) -> Any:
    """Set a new password with the single-use token from the email, within 45 minutes. All sessions end."""
    services().passwords.reset(sent["token"], sent["password"])
    return {}


@blp.route("/users/me/password", methods=("PUT",))
@blp.arguments(wire.PasswordChangeSchema)
@blp.response(HTTPStatus.OK, EmptySchema)
@blp.calls(PasswordService.change)
def put_password(sent: Mapping[str, str]) -> Any:
    """Change the caller's password, with the current password. All sessions end, including this one."""
    current, network = sent["current_password"], client_network()
    services().passwords.change(current, sent["password"], by=principal(), network=network)
    return {}
