"""The wire form of logging in."""

from typing import Any

from app.services.sessions import Credentials
from app.wire import fields
from app.wire.schemas.base import Schema


class CredentialsSchema(Schema):
    """Two texts: what is wrong with them is not a matter of form, and told to nobody."""

    email = fields.Text(required=True, metadata={"example": "alice@example.com", "pattern": fields.ANY_TEXT})
    password = fields.Text(
        required=True,
        metadata={
            "example": "correct horse battery staple",
            "format": "password",
            "pattern": fields.ANY_TEXT,
            "writeOnly": True,
        },
    )

    def make(self, values: dict[str, Any]) -> Credentials:
        """Return what was sent."""
        return Credentials(**values)


class RefreshTokenSchema(Schema):
    """What is exchanged for new tokens."""

    refresh_token = fields.Text(
        required=True, metadata={"example": "IXbpJ3m1Y0UuqSYzBsDOaY8gpyB8bNVd0QfzYhpQeqo", "pattern": fields.ANY_TEXT}
    )


class RevokedTokenSchema(Schema):
    """What is to be good no more (RFC 7009, section 2.1)."""

    token = fields.Text(
        required=True, metadata={"example": "IXbpJ3m1Y0UuqSYzBsDOaY8gpyB8bNVd0QfzYhpQeqo", "pattern": fields.ANY_TEXT}
    )
    token_type_hint = fields.Text(
        metadata={"pattern": fields.ANY_TEXT, "description": "Not needed: what kind of token it is, is found out."}
    )


class TokensSchema(Schema):
    """What comes of logging in (RFC 6749, section 5.1)."""

    access_token = fields.Text(metadata={"description": "A JWT for the header Authorization: Bearer."})
    refresh_token = fields.Text(metadata={"description": "Good once, for 30 days."})
    token_type = fields.Text(metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer(metadata={"description": "Seconds that the access token is good for.", "example": 900})
