"""Profiles over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from app.models.profiles import Profile
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse
from app.rest.current import principal, services
from app.services.profiles import ProfileService
from app.wire.schemas import profiles as wire

blp = Blueprint(
    "profiles",
    __name__,
    scope=operations.SIGNED_IN,
    url_prefix="/v1",
    description="A user with preferences, from two services.",
)


@blp.route("/users/<id:user_id>/profile")
@blp.arguments(wire.GetProfileQuerySchema, location="query")
@blp.response(HTTPStatus.OK, wire.ProfileSchema, headers=("Degraded",))
@blp.calls(ProfileService.get)
def get_profile(query: Mapping[str, Any], user_id: UUID) -> Any:
    """Return the profile of the caller, or of any user for admins. `degraded` is true if a part is not current."""
    profile = services().profiles.get(user_id, by=principal())
    return ProjectedResponse(profile, query["fields"]), _degraded(profile)


def _degraded(profile: Profile) -> dict[str, str]:
    return {"Degraded": ", ".join(each.field for each in profile.degradations)} if profile.degraded else {}
