"""Accounts over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from app.models.precondition import Precondition, revision
from app.models.users import NewUser, UserView
from app.rest import operations, scopes
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse, conditional, etag
from app.rest.current import client_network, principal, services
from app.rest.operations import KIB
from app.services.deletion import DeletionService
from app.services.users import UserService
from app.wire.schemas import users as wire

SENT: Final = {"message": "You receive an email with instructions."}
MERGE_PATCH: Final = ("application/json", "application/merge-patch+json")

registration = Blueprint(
    "registration",
    __name__,
    scope=operations.PUBLIC,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Registration and activation of accounts.",
)
account = Blueprint(
    "account",
    __name__,
    scope=scopes.ACCOUNT,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="The caller's own account.",
)
blp = Blueprint(
    "users",
    __name__,
    scope=operations.SIGNED_IN,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Accounts by ID.",
)


@registration.route("/users", methods=("POST",), limit="REGISTRATION_RATE_LIMIT")
@registration.arguments(wire.UserCreateSchema)
@registration.response(HTTPStatus.ACCEPTED, wire.AcknowledgementSchema)
@registration.calls(UserService.register)
def register_user(new: NewUser) -> Any:
    """Register an account. An email contains the activation token. The response is the same for a taken address."""
    services().users.register(new)
    return SENT


@registration.route("/users:activate", methods=("POST",))
@registration.arguments(wire.UserActivationSchema)
@registration.response(HTTPStatus.OK, wire.UserSchema)
@registration.calls(UserService.activate)
def activate_user(sent: Mapping[str, str]) -> Any:
    """Activate an account and set its password, with the single-use token from the email, within three days."""
    return services().users.activate(sent["token"], sent["password"])


@account.route("/users/me")
@account.arguments(wire.GetUserQuerySchema, location="query")
@conditional(wire.READABLE)
@account.response(HTTPStatus.OK, wire.UserSchema, headers=("ETag",))
@account.calls(UserService.get_own)
def get_me(query: Mapping[str, Any], precondition: Precondition) -> Any:
    """Return the caller's account."""
    user = services().users.get_own(by=principal(), precondition=precondition)
    return ProjectedResponse(user, query["fields"]), _tag(user, query["fields"])


@blp.route("/users/<id:user_id>")
@blp.arguments(wire.GetUserQuerySchema, location="query")
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.UserSchema, headers=("ETag",))
@blp.calls(UserService.get)
def get_user(query: Mapping[str, Any], user_id: UUID, precondition: Precondition) -> Any:
    """Return the account of the caller, or any account for admins."""
    user = services().users.get(user_id, by=principal(), precondition=precondition)
    return ProjectedResponse(user, query["fields"]), _tag(user, query["fields"])


@account.route("/users/me", methods=("PATCH",))
@account.arguments(wire.UserUpdateSchema, content_types=MERGE_PATCH)
@conditional(wire.READABLE)
@account.response(HTTPStatus.OK, wire.UserSchema, headers=("ETag",))
@account.calls(UserService.update)
def update_me(changes: Mapping[str, str], precondition: Precondition) -> Any:
    """Update properties of the caller's account."""
    user = services().users.update(changes, by=principal(), precondition=precondition)
    return user, _tag(user)


@account.route("/users/me", methods=("DELETE",))
@account.arguments(wire.UserDeleteSchema)
@conditional(wire.READABLE)
@account.response(HTTPStatus.OK, wire.DeletedUserSchema)
@account.calls(DeletionService.delete)
def delete_me(sent: Mapping[str, str], precondition: Precondition) -> Any:
    """Delete the caller's account and data, with the current password. All sessions end."""
    user_id = services().deletion.delete(
        sent["current_password"], by=principal(), network=client_network(), precondition=precondition
    )
    return {"message": f"User users/{user_id} deleted successfully"}


def _tag(user: UserView, members: tuple[str, ...] | None = None) -> dict[str, str]:
    return {"ETag": etag(revision(user.version, user.update_time), members or wire.READABLE)}
