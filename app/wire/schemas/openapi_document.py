"""The schema of the OpenAPI document itself."""

from app.wire import fields
from app.wire.schemas.base import Schema

_OBJECT = {"type": "object", "additionalProperties": True}
_LIST = {"type": "array", "items": {"type": "object", "additionalProperties": True}}


class OpenApiDocumentSchema(Schema):
    """An OpenAPI document (https://spec.openapis.org/oas/v3.1.0)."""

    openapi = fields.Text(metadata={"example": "3.1.0", "description": "The version of OpenAPI."})
    info = fields.Anything(metadata={**_OBJECT, "description": "The title and version of this API."})
    servers = fields.Anything(metadata={**_LIST, "description": "The addresses of the service."})
    tags = fields.Anything(metadata={**_LIST, "description": "The groups of operations."})
    paths = fields.Anything(metadata={**_OBJECT, "description": "The operations by path."})
    components = fields.Anything(
        metadata={**_OBJECT, "description": "The shared schemas, parameters and header fields."}
    )
