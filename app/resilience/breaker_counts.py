"""The counts of a circuit breaker, and the rules that open it."""

from collections.abc import Callable
from typing import Final, NamedTuple


class Counts(NamedTuple):
    """The results of the calls of one generation; a call in flight is a request without a result."""

    requests: int = 0
    total_successes: int = 0
    total_failures: int = 0
    consecutive_successes: int = 0
    consecutive_failures: int = 0
    consecutive_timeouts: int = 0

    def requested(self, change: int = 1) -> "Counts":
        """Return the counts after one more request, or one fewer."""
        return tuple.__new__(Counts, (self[0] + change, *self[1:]))  # half as expensive as the class

    def succeeded(self) -> "Counts":
        """Return the counts after a success."""
        return tuple.__new__(Counts, (self[0], self[1] + 1, self[2], self[3] + 1, 0, 0))

    def failed(self, *, is_timeout: bool = False) -> "Counts":
        """Return the counts after a failure."""
        return Counts(self[0], self[1], self[2] + 1, 0, self[4] + 1, self[5] + is_timeout)


def fails_at(share: float, *, min_requests: int) -> Callable[[Counts], bool]:
    """Return the rule that opens the breaker when this share of at least so many requests has failed.

    Raises:
        ValueError: the share is not within (0, 1], or the number is not positive.
    """
    if not 0 < share <= 1 or min_requests < 1:
        raise ValueError("a share is within (0, 1], of at least one request")
    return lambda counts: counts.requests >= min_requests and counts.total_failures >= share * counts.requests


MOSTLY_FAILS: Final = fails_at(0.6, min_requests=20)
