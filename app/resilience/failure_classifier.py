"""Classification of errors: failures of a dependency, and errors that the client caused."""

from typing import Final

from app.errs import Error, Kind
from app.resilience import deadline

FAILURES: Final = frozenset({Kind.UNAVAILABLE, Kind.EXTERNAL, Kind.DEADLINE, Kind.DATABASE, Kind.IO})
"""Kinds that are the dependency's fault; with any other kind the dependency has responded correctly."""


def is_failure(error: BaseException) -> bool | None:
    """Return true if an error is the dependency's fault; ``None`` if the error is not evidence.

    A spent budget is not evidence if the caller shortened it. A client that disconnects and a bug are not evidence.
    """
    if isinstance(error, Error):
        limit = deadline.current.get()
        if error.kind is Kind.DEADLINE and limit is not None and limit.is_shortened:
            return None
        return error.kind in FAILURES
    return True if isinstance(error, OSError) else None
