"""Converters of path parameters."""

from uuid import UUID

from werkzeug.routing import BaseConverter

from app.wire.ids import resource_id


class ResourceId(BaseConverter):
    """The ID of a resource."""

    regex = r"[^/:]+"

    def to_python(self, value: str) -> UUID:
        """Return the ID, or the nil UUID for an invalid one."""
        return resource_id(value)

    def to_url(self, value: UUID) -> str:
        """Return the ID for a path."""
        return str(value)


def resource_id_schema(_converter: BaseConverter) -> dict[str, str]:
    """Return the OpenAPI schema of an ID."""
    return {"type": "string", "format": "uuid", "example": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"}
