"""The IDs of resources."""

import re
from typing import Final
from uuid import UUID

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
RULE: Final = "a UUID such as 8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
NIL: Final = UUID(int=0)
"""The nil UUID (RFC 9562, section 5.9), which no resource has."""


def resource_id(text: str) -> UUID:
    """Return the ID in a text.

    A text that is not a UUID becomes the nil UUID. It is processed like every other ID, and results in the resource's
    ``…_NOT_FOUND`` in the usual order of checks.
    """
    return UUID(text) if is_id(text) else NIL


def is_id(text: str) -> bool:
    """Return true if a text is an ID."""
    return _UUID.fullmatch(text) is not None
