"""The schema of the index page."""

from app import product
from app.wire import fields
from app.wire.schemas.base import Schema


class ServiceIndexSchema(Schema):
    """The name of the service and its links."""

    name = fields.Text(metadata={"example": product.NAME, "description": "The name of the service."})
    links = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Paths by name.",
            "example": {"docs": "/docs", "errors": "/errors"},
        }
    )
