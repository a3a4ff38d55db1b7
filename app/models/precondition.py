"""What a caller says of a resource's version before it is read or changed."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from app.errs.requests import PreconditionFailed, PreconditionRequired


class Every:
    """Each version of what exists: what ``*`` stands for."""

    def __contains__(self, _version: object) -> bool:
        """Tell that it does."""
        return True


EVERY: Final = Every()
NONE: Final[Container[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions that are fine, but for some; or that the caller should have said one, and did not."""

    among: Container[int] = EVERY
    but: Container[int] = NONE
    is_missing: bool = False

    def check(self, version: int) -> None:
        """Go on only from a version that is fine.

        Raises:
            PreconditionRequired: none was said.
            PreconditionFailed: the resource is at another.
        """
        if self.is_missing:
            raise PreconditionRequired
        if version not in self.among or version in self.but:
            raise PreconditionFailed


ANYTHING: Final = Precondition()
