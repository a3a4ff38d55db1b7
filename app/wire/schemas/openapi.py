"""The wire form of the OpenAPI document, as far as it needs describing in itself."""

from app.wire import fields
from app.wire.schemas.base import Schema

_OBJECT = {"type": "object", "additionalProperties": True}
_LIST = {"type": "array", "items": {"type": "object", "additionalProperties": True}}


class OpenApiSchema(Schema):
    """An OpenAPI document (https://spec.openapis.org/oas/v3.1.0)."""

    openapi = fields.Text(metadata={"example": "3.1.0"})
    info = fields.Anything(metadata=_OBJECT)
    servers = fields.Anything(metadata=_LIST)
    tags = fields.Anything(metadata=_LIST)
    paths = fields.Anything(metadata=_OBJECT)
    components = fields.Anything(metadata=_OBJECT)
