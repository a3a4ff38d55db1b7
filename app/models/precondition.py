"""What a caller says of a resource's version before it is read or changed."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from app.errs.requests import PreconditionFailed, PreconditionRequired


class AnyVersion:
    """Each version of what exists: what ``*`` stands for."""

    def __contains__(self, _version: object) -> bool:
        """Tell that it does."""
        return True


ANY_VERSION: Final = AnyVersion()
NO_VERSION: Final[Container[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions that are fine, but for some; or that the caller should have said one, and did not."""

    matches: Container[int] = ANY_VERSION
    excluded: Container[int] = NO_VERSION
    is_missing: bool = False

    def check(self, version: int) -> None:
        """Go on only from a version that is fine.

        Raises:
            PreconditionRequired: none was said.
            PreconditionFailed: the resource is at another.
        """
        if self.is_missing:
            raise PreconditionRequired
        if version not in self.matches or version in self.excluded:
            raise PreconditionFailed


NO_PRECONDITION: Final = Precondition()
