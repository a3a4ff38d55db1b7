"""``@transaction``: a use case runs again as a whole if its transaction was rolled back by a conflict or lost
connection.

Only the outermost use case runs again, because inner ones are parts of the same transaction. If the connection was
lost during COMMIT, the result is unknown (503); a retry with the same Idempotency-Key resolves it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from app.errs.platform import ServiceUnavailable
from app.resilience import instrumentation
from app.resilience.budget import RetryBudget
from app.resilience.retry import Retry

P = ParamSpec("P")
R = TypeVar("R")


def is_undone(error: Exception) -> bool:
    """Return true if nothing was changed: the connection was dead, the plan was stale, or a conflict rolled it back."""
    return isinstance(error, ServiceUnavailable) and bool(error.facts.get("is_undone"))


def is_stale(error: Exception) -> bool:
    """Return true if a prepared statement was stale; a new connection prepares it again."""
    return isinstance(error, ServiceUnavailable) and bool(error.facts.get("is_stale"))


BUDGET: Final = RetryBudget()
AGAIN: Final = Retry(
    "transaction",
    attempts=3,
    initial=timedelta(milliseconds=20),
    longest=timedelta(milliseconds=200),
    budget=BUDGET,
    is_retryable=is_undone,
    is_free=is_stale,
    honors_retry_after=False,
    hooks=(instrumentation.count_database_retry,),
)
_is_inside: Final[ContextVar[bool]] = ContextVar("is_inside_transaction", default=False)


def transaction(method: Callable[P, R]) -> Callable[P, R]:
    """Run the use case, at most three times while its transaction is rolled back."""
    outermost = AGAIN(method)

    @wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _is_inside.get():
            return method(*args, **kwargs)
        token = _is_inside.set(True)
        try:
            return outermost(*args, **kwargs)
        finally:
            _is_inside.reset(token)

    return run
