"""The schemas of profiles."""

from typing import Final

from app.wire import fields
from app.wire.list_parameters import FieldsParameter
from app.wire.schemas.base import QuerySchema, Schema
from app.wire.schemas.preferences import PreferencesSchema
from app.wire.schemas.users import UserSchema


class ProfileSchema(Schema):
    """A user with preferences, and the parts that are degraded."""

    user = fields.Object(UserSchema, metadata={"description": "The account."})
    preferences = fields.Object(PreferencesSchema, metadata={"description": "The preferences."})
    degraded = fields.Boolean(
        metadata={"description": "True if a dependency failed. Then a part is an older copy or a default."}
    )
    degraded_reasons = fields.Listed(
        fields.Text(),
        longest=2,
        metadata={"example": ["preferences: breaker open"], "description": "Each affected part, with the reason."},
    )


READABLE: Final = tuple(ProfileSchema().dump_fields)
GetProfileQuerySchema = QuerySchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetProfileQuerySchema")
