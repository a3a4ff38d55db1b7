"""Answers to batches of which items can fail by themselves: the only way for a handler to render these items."""

from typing import Any

from app.observability.batches import BatchResult, Failed
from app.rest.errors import ProblemContext, failures
from app.rest.request import current


def failures_of(failed: Failed, *, created: int) -> list[dict[str, Any]]:
    """Return what the answer says of the items that failed; each is counted, and one log entry has them all.

    Args:
        failed: the items by their indexes, with their errors.
        created: how many items did not fail.
    """
    current().batch = BatchResult(created=created, failed=failed)
    return failures(failed, ProblemContext.now())
