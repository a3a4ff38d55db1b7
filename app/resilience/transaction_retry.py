"""``@transaction``: a use case whose transaction was undone by a lost race or connection is done again, whole.

Only the outermost, since those inside it are parts of the same transaction. Never when the connection was lost during
COMMIT: what came of that nobody knows (503), until a retry with the same Idempotency-Key finds out.
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
    """Return whether nothing was done: the connection turned out dead, the plan stale, or a race was lost."""
    return isinstance(error, ServiceUnavailable) and bool(error.facts.get("is_undone"))


def is_stale(error: Exception) -> bool:
    """Return whether a prepared statement no longer fitted, which a new connection's does."""
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
    """Run the use case, and again up to three times in all while its transaction is undone."""
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
