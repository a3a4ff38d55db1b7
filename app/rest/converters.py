"""Path parameters."""

from uuid import UUID

from werkzeug.routing import BaseConverter

from app.wire.ids import resource_id


class ResourceId(BaseConverter):
    """The id of a resource."""

    regex = r"[^/:]+"

    def to_python(self, value: str) -> UUID:
        """Return the id; what is none becomes that of nothing."""
        return resource_id(value)

    def to_url(self, value: UUID) -> str:
        """Return the id as it stands in a path."""
        return str(value)


def resource_id_schema(_converter: BaseConverter) -> dict[str, str]:
    """Return what OpenAPI says of an id."""
    return {"type": "string", "format": "uuid", "example": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"}
