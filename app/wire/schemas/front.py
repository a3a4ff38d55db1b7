"""The wire form of the front page."""

from app.wire import fields
from app.wire.schemas.base import Schema


class FrontSchema(Schema):
    """Where everything is."""

    name = fields.Text(metadata={"example": "Candor"})
    links = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "example": {"docs": "/docs", "errors": "/errors"},
        }
    )
