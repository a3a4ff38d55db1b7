"""What a schema may have to know of the request around the data it reads."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """The moment at which a request is read, and the parameters of its query as far as they are in order."""

    now: datetime
    query: Mapping[str, Any] = field(default_factory=dict)
    fit: object = None
    """Data whose texts are known to have no NUL character and no half of a surrogate pair: they need no screening."""


under_way: Final[ContextVar[DecodeContext]] = ContextVar("reading")
"""The reading that a schema is at."""
