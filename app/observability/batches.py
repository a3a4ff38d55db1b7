"""The outcome of a batch: each item that failed is counted, and one log entry has them all."""

from collections.abc import Sequence
from dataclasses import dataclass

from app import errs
from app.observability import logs, metrics

Failed = Sequence[tuple[int, errs.Error]]
"""The items that failed, each by its index in the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """How many items were created, and which were not."""

    created: int
    failed: Failed

    def logged(self) -> dict[str, int]:
        """Return the counts, as the access log entry and the span have them."""
        failed = len(self.failed)
        return {"total": self.created + failed, "created": self.created, "failed": failed}

    def report(self, fields: dict[str, object]) -> None:
        """Log and count the items that failed of a batch that is answered with success.

        Args:
            fields: what the transport adds, such as the status and the route.
        """
        if self.failed:
            count(self.failed)
            logs.partial_failure(self.failed, fields | {"batch": self.logged()})


def count(failed: Failed) -> None:
    """Count the error of each item that failed, as if it had been answered by itself."""
    for _, error in failed:
        metrics.error(error, error)
