"""What a schema may have to know of the request around the data it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow.experimental.context import Context


@dataclass(frozen=True, slots=True)
class Reading:
    """The moment at which a request is read, and the parameters of its query as far as they are in order."""

    now: datetime
    query: Mapping[str, Any] = field(default_factory=dict)


def reading() -> Reading:
    """Return the reading under way."""
    return Context[Reading].get()
