"""The schema of the index page."""

from app.wire import fields
from app.wire.schemas.base import Schema


class ServiceIndexSchema(Schema):
    """The name of the service and its links."""

    name = fields.Text(metadata={"example": "Candor", "description": "The name of the service."})
    links = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Paths by name.",
            "example": {"docs": "/docs", "errors": "/errors"},
        }
    )
