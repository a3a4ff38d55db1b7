"""Preconditions of a request on the version of a resource (If-Match and If-None-Match)."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from app.errs.requests import PreconditionFailed, PreconditionRequired


class AnyVersion:
    """The set of all versions of an existing resource: the meaning of ``*``."""

    def __contains__(self, _version: object) -> bool:
        """Return ``True``: it contains every version."""
        return True


ANY_VERSION: Final = AnyVersion()
NO_VERSION: Final[Container[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Precondition:
    """A precondition: the versions that match and those that are excluded, or that a required one is missing."""

    matches: Container[int] = ANY_VERSION
    excluded: Container[int] = NO_VERSION
    is_missing: bool = False

    def check(self, version: int) -> None:
        """Check the current version of the resource.

        Raises:
            PreconditionRequired: the request has no precondition, but the operation requires one.
            PreconditionFailed: the current version does not match, or is excluded.
        """
        if self.is_missing:
            raise PreconditionRequired
        if version not in self.matches or version in self.excluded:
            raise PreconditionFailed


NO_PRECONDITION: Final = Precondition()
