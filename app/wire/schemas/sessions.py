"""The schemas of logins and tokens."""

from typing import Any

from app.services.sessions import Credentials
from app.wire import fields
from app.wire.schemas.base import Schema


class CredentialsSchema(Schema):
    """The email address and the password of a login. Both can be any text: responses do not reveal why it fails."""

    email = fields.Text(
        required=True,
        metadata={"example": "alice@example.com", "pattern": fields.ANY_TEXT, "description": "The email address."},
    )
    password = fields.Text(
        required=True,
        metadata={
            "example": "correct horse battery staple",
            "format": "password",
            "pattern": fields.ANY_TEXT,
            "writeOnly": True,
            "description": "The password.",
        },
    )

    def make(self, values: dict[str, Any]) -> Credentials:
        """Return the credentials."""
        return Credentials(**values)


class TokenRefreshSchema(Schema):
    """The refresh token to exchange for new tokens."""

    refresh_token = fields.Text(
        required=True,
        metadata={
            "example": "IXbpJ3m1Y0UuqSYzBsDOaY8gpyB8bNVd0QfzYhpQeqo",
            "pattern": fields.ANY_TEXT,
            "description": "The refresh token of the session.",
        },
    )


class TokenRevocationSchema(Schema):
    """The token to revoke (RFC 7009, section 2.1)."""

    token = fields.Text(
        required=True,
        metadata={
            "example": "IXbpJ3m1Y0UuqSYzBsDOaY8gpyB8bNVd0QfzYhpQeqo",
            "pattern": fields.ANY_TEXT,
            "description": "A refresh or access token.",
        },
    )
    token_type_hint = fields.Text(
        metadata={"pattern": fields.ANY_TEXT, "description": "Ignored: the service recognizes the type of the token."}
    )


class TokensSchema(Schema):
    """The tokens of a session (RFC 6749, section 5.1)."""

    access_token = fields.Text(metadata={"description": "A JWT for `Authorization: Bearer`."})
    refresh_token = fields.Text(
        metadata={"description": "A single-use token for the next access token, valid for 30 days."}
    )
    token_type = fields.Text(metadata={"enum": ["Bearer"], "description": "Always Bearer."})
    expires_in = fields.Integer(
        metadata={"description": "The seconds for which the access token is valid.", "example": 900}
    )
