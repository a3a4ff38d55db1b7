"""Path parameters."""

import re
from typing import Final
from uuid import UUID

from werkzeug.routing import BaseConverter

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
NIL: Final = UUID(int=0)
"""The nil UUID (RFC 9562, section 5.9), which no resource ever bears."""


class ResourceId(BaseConverter):
    """The id of a resource.

    What is no UUID becomes the nil UUID: it takes the road of every other id and ends, in its place in the order of
    precedence, as the resource's own ``…_NOT_FOUND``.
    """

    regex = r"[^/:]+"

    def to_python(self, value: str) -> UUID:
        """Return the id."""
        return UUID(value) if _UUID.fullmatch(value) else NIL

    def to_url(self, value: UUID) -> str:
        """Return the id as it stands in a path."""
        return str(value)


def resource_id_schema(_converter: BaseConverter) -> dict[str, str]:
    """Return what OpenAPI says of an id."""
    return {"type": "string", "format": "uuid"}
