"""The wire form of setting passwords."""

import marshmallow as ma

from app.wire import fields
from app.wire.schemas.base import Schema
from app.wire.schemas.users import OneTimeTokenSchema, email, password


class PasswordResetRequestSchema(Schema):
    """The body of a request for a mail with which to set another password."""

    email = email()


class PasswordResetSchema(OneTimeTokenSchema):
    """The token of the mail, and the password to be."""

    password = password()


class PasswordChangeSchema(Schema):
    """The present password, and the password to be."""

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
