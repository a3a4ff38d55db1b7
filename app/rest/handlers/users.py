"""Accounts over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.models.users import NewUser
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.current import services
from app.services.users import UserService
from app.wire.schemas import users as wire

SENT: Final = {"message": "What to do next is sent by mail."}

blp = Blueprint("users", __name__, scope=operations.PUBLIC, url_prefix="/v1", description="Accounts.")


@blp.route("/users", methods=("POST",), limit="REGISTRATION_RATE_LIMIT")
@blp.arguments(wire.NewUserSchema)
@blp.response(HTTPStatus.ACCEPTED, wire.SentSchema)
@blp.calls(UserService.register)
def register_user(new: NewUser) -> Any:
    """Ask for an account; a mail brings the token that activates it. The answer is the same for a taken address."""
    services().users.register(new)
    return SENT


@blp.route("/users:activate", methods=("POST",))
@blp.arguments(wire.OneTimeTokenSchema)
@blp.response(HTTPStatus.OK, wire.UserSchema)
@blp.calls(UserService.activate)
def activate_user(sent: Mapping[str, str]) -> Any:
    """Activate an account with the token that came by mail: once, within three days."""
    return services().users.activate(sent["token"])
