"""Rendering of failed items in batch responses. Handlers must use it for items that fail separately."""

from typing import Any

from app.observability.batch_log import BatchResult, Failed
from app.rest.errors import ProblemContext, failures
from app.rest.request import current


def failures_of(failed: Failed, *, created: int) -> list[dict[str, Any]]:
    """Return the failed items for the response. Each is counted, and one log entry contains all of them.

    Args:
        failed: the failed items by index, with their errors.
        created: the number of created items.
    """
    current().batch = BatchResult(created=created, failed=failed)
    return failures(failed, ProblemContext.now())
