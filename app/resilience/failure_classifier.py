"""Which errors speak against a dependency, and which only against whoever asked."""

from typing import Final

from app.errs import Error, Kind
from app.resilience import deadline

FAILURES: Final = frozenset({Kind.UNAVAILABLE, Kind.EXTERNAL, Kind.DEADLINE, Kind.DATABASE, Kind.IO})
"""Kinds that speak against the dependency; with any other it has done its part."""


def is_failure(error: BaseException) -> bool | None:
    """Tell whether an error speaks against the dependency; ``None``: it says nothing about it.

    A budget that the caller shortened proves nothing when it runs out; neither does a caller that goes away, nor a bug.
    """
    if isinstance(error, Error):
        limit = deadline.current.get()
        if error.kind is Kind.DEADLINE and limit is not None and limit.is_shortened:
            return None
        return error.kind in FAILURES
    return True if isinstance(error, OSError) else None
