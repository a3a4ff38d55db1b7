"""Preconditions of a request on the revision of a resource (If-Match and If-None-Match)."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.errs.requests import PreconditionFailed, PreconditionRequired


def revision(version: int, written: datetime) -> str:
    """Return the identifier of the content of a resource: its version, and the time at which it was written.

    An asynchronous failover or a restored backup repeats version numbers, with other content. The time differs.
    """
    return f"{version:x}-{round(written.timestamp() * 1_000_000):x}"


class AnyVersion:
    """The set of all revisions of an existing resource: the meaning of ``*``."""

    def __contains__(self, _revision: object) -> bool:
        """Return ``True``: it contains every revision."""
        return True


ANY_VERSION: Final = AnyVersion()
NO_VERSION: Final[Container[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Precondition:
    """A precondition: the revisions that match and those that are excluded, or that a required one is missing."""

    matches: Container[str] = ANY_VERSION
    excluded: Container[str] = NO_VERSION
    is_missing: bool = False

    def check(self, revision: str) -> None:
        """Check the current revision of the resource.

        Raises:
            PreconditionRequired: the request has no precondition, but the operation requires one.
            PreconditionFailed: the current revision does not match, or is excluded.
        """
        if self.is_missing:
            raise PreconditionRequired
        if revision not in self.matches or revision in self.excluded:
            raise PreconditionFailed


NO_PRECONDITION: Final = Precondition()
