"""The schemas of preferences."""

from typing import Any, Final

from app.models.preferences import (
    LOCALE_LENGTH,
    LOCALE_PATTERN,
    THEMES,
    ZONE_LENGTH,
    NewPreferences,
    is_time_zone,
)
from app.wire import fields
from app.wire.list_parameters import FieldsParameter
from app.wire.schemas.base import QuerySchema, Schema
from app.wire.validators import Breach, Length, OneOf, Pattern, Rule


class TimeZone(Rule):
    """Requires a zone of the IANA database, spelled as in the database."""

    def __call__(self, value: str) -> str:
        """Return the value, or reject it."""
        if not is_time_zone(value):
            raise Breach("INVALID_VALUE", "must be a time zone of the IANA database such as Europe/Berlin").error()
        return value


class PreferencesSchema(Schema):
    """The preferences of a user."""

    locale = fields.Text(
        required=True,
        validate=[
            Length(max=LOCALE_LENGTH),
            Pattern(LOCALE_PATTERN, code="INVALID_FORMAT", message="must be a language tag such as de-CH"),
        ],
        metadata={"example": "de-CH", "description": "A language tag (BCP 47)."},
    )
    time_zone = fields.Text(
        required=True,
        validate=TimeZone(),
        metadata={
            "example": "Europe/Zurich",
            "description": "A zone of the IANA database.",
            "maxLength": ZONE_LENGTH,
            "pattern": r"^[A-Za-z0-9_+/-]+$",
        },
    )
    theme = fields.Text(
        required=True, validate=OneOf(THEMES), metadata={"example": "dark", "description": "The color theme."}
    )


class PreferencesInputSchema(PreferencesSchema):
    """The complete new preferences of a user."""

    def make(self, values: dict[str, Any]) -> NewPreferences:
        """Return the preferences."""
        return NewPreferences(**values)


READABLE: Final = tuple(PreferencesSchema().dump_fields)
GetPreferencesQuerySchema = QuerySchema.from_dict(
    {"fields": FieldsParameter(READABLE)}, name="GetPreferencesQuerySchema"
)
