"""The result of a batch: each failed item is counted, and one log entry lists all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app import errs
from app.observability import logs, metrics

Failed = Sequence[tuple[int, errs.Error]]
"""The failed items by their index in the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The number of created items, and the failed items."""

    created: int
    failed: Failed

    def logged(self) -> dict[str, int]:
        """Return the counts for the access log entry and the span."""
        failed = len(self.failed)
        return {"total": self.created + failed, "created": self.created, "failed": failed}

    def report(self, fields: dict[str, object]) -> None:
        """Log and count the failed items of a batch that returns success.

        Args:
            fields: the transport's fields, such as the status and the route.
        """
        if self.failed:
            count(self.failed)
            logs.partial_failure(self.failed, fields | {"batch": self.logged()})


def count(failed: Failed) -> None:
    """Count the error of each failed item, like the error of a single request."""
    for _, error in failed:
        metrics.error(error, error)
