"""The schemas of password changes and resets."""

import marshmallow as ma

from app.wire import fields
from app.wire.schemas.base import Schema
from app.wire.schemas.users import OneTimeTokenSchema, email, password


class PasswordResetRequestSchema(Schema):
    """The body of a request for a password reset email."""

    email = email()


class PasswordResetSchema(OneTimeTokenSchema):
    """The token from the email, and the new password."""

    password = password()


class PasswordChangeSchema(Schema):
    """The current password and the new password."""

    current_password: "ma.fields.Field[str]" = fields.Text(
        required=True,
        metadata={
            "format": "password",
            "pattern": fields.ANY_TEXT,
            "writeOnly": True,
            "description": "The current password.",
        },
    )
    password = password()
