"""The ids of resources."""

import re
from typing import Final
from uuid import UUID

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
NIL: Final = UUID(int=0)
"""The nil UUID (RFC 9562, section 5.9), which no resource ever bears."""


def resource_id(text: str) -> UUID:
    """Return the id that a text spells.

    What is no UUID becomes the nil UUID: it takes the road of every other id and ends, in its place in the order of
    precedence, as the resource's own ``…_NOT_FOUND``.
    """
    return UUID(text) if is_id(text) else NIL


def is_id(text: str) -> bool:
    """Return whether a text spells an id."""
    return _UUID.fullmatch(text) is not None
