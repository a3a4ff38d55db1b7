"""The context of the request in which a schema decodes data."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """The time at which a request is decoded, and the valid parameters of its query."""

    now: datetime
    query: Mapping[str, Any] = field(default_factory=dict)
    fit: object = None
    """Data whose texts are known to have no NUL character and no lone surrogate: they need no screening."""


under_way: Final[ContextVar[DecodeContext]] = ContextVar("reading")
"""The context of the current decoding."""
