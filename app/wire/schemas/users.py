"""The schemas of users."""

from typing import Any, Final

from marshmallow import validate

from app.models import one_time_tokens, passwords
from app.models.common_passwords import CODE, reason
from app.models.users import EMAIL_LENGTH, EMAIL_PATTERN, NAME_LENGTH, NewUser
from app.wire import fields
from app.wire.list_parameters import FieldsParameter
from app.wire.schemas.base import QuerySchema, Schema
from app.wire.validators import Breach, Length, Pattern, Printable, Rule

EXAMPLE: Final = "alice@example.com"


class Address(Pattern):
    """Requires an email address. ``Length`` rejects one that is too long."""

    def __init__(self) -> None:
        super().__init__(EMAIL_PATTERN, code="INVALID_FORMAT", message="must be an email address such as " + EXAMPLE)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """Return the value, or reject it."""
        return value if len(value) > EMAIL_LENGTH else super().__call__(value)


class PasswordLength(Rule, validate.Length):
    """Limits the characters (code points) of a password. Spaces count as characters."""

    def __init__(self) -> None:
        super().__init__(min=passwords.MIN_LENGTH, max=passwords.MAX_LENGTH)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """Return the value, or reject it."""
        if len(value) < passwords.MIN_LENGTH:
            raise Breach("TOO_SHORT", f"must have at least {passwords.MIN_LENGTH} characters").error()
        if len(value) > passwords.MAX_LENGTH:
            raise Breach("TOO_LONG", f"must have at most {passwords.MAX_LENGTH} characters").error()
        return value


class NotCommon(Rule):
    """Rejects common passwords. The services also reject passwords that contain the user's name or address."""

    def __call__(self, value: str) -> str:
        """Return the value, or reject it. ``PasswordLength`` checks the length."""
        found = reason(value) if passwords.MIN_LENGTH <= len(value) <= passwords.MAX_LENGTH else None
        if found:
            raise Breach(CODE, found).error()
        return value


def email() -> fields.Text:
    """Return the field of an email address."""
    return fields.Text(
        required=True,
        validate=[Length(max=EMAIL_LENGTH), Address()],
        metadata={"example": EXAMPLE, "format": "email", "description": "The email address."},
    )


def password() -> fields.Text:
    """Return the field of a new password."""
    return fields.Text(
        required=True,
        validate=[PasswordLength(), NotCommon()],
        metadata={
            "example": "correct horse battery staple",
            "format": "password",
            "pattern": fields.ANY_TEXT,
            "writeOnly": True,
            "description": "The new password.",
        },
    )


def name() -> fields.Text:
    """Return the field of a display name."""
    return fields.Text(
        required=True,
        validate=[Length(min=1, max=NAME_LENGTH), Printable()],
        metadata={"example": "Alice", "pattern": Printable.LINE, "description": "The display name."},
    )


class UserSchema(Schema):
    """A user with an account."""

    id = fields.Text(
        dump_only=True,
        metadata={
            "format": "uuid",
            "example": "0b9d8c6e-8f0a-4f4c-9d6e-0d9b6a1f2a33",
            "description": "The ID of the user.",
        },
    )
    name = name()
    email = fields.Text(dump_only=True, metadata={"example": EXAMPLE, "description": "The email address."})
    scopes = fields.Listed(
        fields.Text(),
        longest=100,
        dump_only=True,
        metadata={"example": ["tasks", "account"], "description": "The scopes of the user."},
    )
    create_time = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the account was activated."},
    )
    update_time = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the account was last changed."},
    )


class UserCreateSchema(Schema):
    """The body of a registration. The password is set at activation, by the reader of the email."""

    name = name()
    email = email()

    def make(self, values: dict[str, Any]) -> NewUser:
        """Return the user."""
        return NewUser(**values)


class OneTimeTokenSchema(Schema):
    """A token from an email."""

    token = fields.Text(
        required=True,
        validate=Length(max=one_time_tokens.MAX_LENGTH),
        metadata={
            "example": "IXbpJ3m1Y0UuqSYzBsDOaY8gpyB8bNVd0QfzYhpQeqo",
            "pattern": fields.ANY_TEXT,
            "description": "The token from the email.",
        },
    )


class UserActivationSchema(OneTimeTokenSchema):
    """The token from the email, and the new password."""

    password = password()


class UserUpdateSchema(UserSchema):
    """The properties of a user to set: those in the body."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(partial=True, **kwargs)


class UserDeleteSchema(Schema):
    """The current password, which is required to delete the account."""

    current_password = fields.Text(
        required=True,
        metadata={
            "format": "password",
            "pattern": fields.ANY_TEXT,
            "writeOnly": True,
            "description": "The current password.",
        },
    )


class DeletedUserSchema(Schema):
    """The confirmation of a deletion."""

    message = fields.Text(metadata={"description": "A sentence for people."})


class AcknowledgementSchema(Schema):
    """The response to a request for an email. It is the same whether or not an email is sent."""

    message = fields.Text(
        metadata={"example": "You receive an email with instructions.", "description": "A sentence for people."}
    )


READABLE: Final = tuple(UserSchema().dump_fields)
GetUserQuerySchema = QuerySchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetUserQuerySchema")
