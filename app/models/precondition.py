"""What a caller expects a resource to be before it is changed."""

from dataclasses import dataclass

from app.errs.requests import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions that are fine; ``None`` stands for any version of what exists."""

    versions: frozenset[int] | None

    def check(self, version: int) -> None:
        """Go on only from an expected version.

        Raises:
            PreconditionFailed: the resource is at another.
        """
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailed
