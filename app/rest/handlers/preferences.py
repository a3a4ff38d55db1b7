"""Preferences over HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from app.models.precondition import Precondition
from app.models.preferences import NewPreferences, PreferencesView, revision
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse, conditional, etag
from app.rest.current import principal, services
from app.rest.operations import KIB
from app.services.preferences import PreferencesService
from app.wire.schemas import preferences as wire

blp = Blueprint(
    "preferences",
    __name__,
    scope=operations.SIGNED_IN,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Preferences of a user.",
)


@blp.route("/users/<id:user_id>/preferences")
@blp.arguments(wire.GetPreferencesQuerySchema, location="query")
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.PreferencesSchema, headers=("ETag",))
@blp.calls(PreferencesService.get)
def get_preferences(query: Mapping[str, Any], user_id: UUID, precondition: Precondition) -> Any:
    """Return the preferences of the caller, or of any user for admins. Users without preferences have the defaults."""
    preferences = services().preferences.get(user_id, by=principal(), precondition=precondition)
    return ProjectedResponse(preferences, query["fields"]), _tag(preferences, query["fields"])


@blp.route("/users/<id:user_id>/preferences", methods=("PUT",))
@blp.arguments(wire.PreferencesInputSchema)
@conditional(wire.READABLE, is_required=True)
@blp.response(HTTPStatus.OK, wire.PreferencesSchema, headers=("ETag",))
@blp.calls(PreferencesService.replace)
def replace_preferences(new: NewPreferences, user_id: UUID, precondition: Precondition) -> Any:
    """Replace the preferences of a user. The first time, send the ETag of the defaults in If-Match, or ``*``."""
    preferences = services().preferences.replace(user_id, new, by=principal(), precondition=precondition)
    return preferences, _tag(preferences)


def _tag(preferences: PreferencesView, members: Sequence[str] | None = None) -> dict[str, str]:
    return {"ETag": etag(revision(preferences), members or wire.READABLE)}
