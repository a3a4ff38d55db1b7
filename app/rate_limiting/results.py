"""The state of a limit within a request: how many requests remain, and for how long."""

import math
import time
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import flask
from flask_limiter import RequestLimit
from flask_limiter._extension import LimiterContext
from flask_limiter._limits import RuntimeLimit
from limits import RateLimitItem, WindowStats
from ordered_set import OrderedSet

from app.rate_limiting import limits_storage_adapter
from app.resilience.in_memory_rate_limit_store import Window

CONTEXT: Final = "app.limiter"
"""The key in the WSGI environment of a request's results."""
RETRY_AFTER: Final = "Retry-After"
TOO_MANY: Final = str(HTTPStatus.TOO_MANY_REQUESTS.value)
SET_BEFORE: Final = "app.retry_after"
"""The key in the WSGI environment of the response's ``Retry-After`` before Flask-Limiter sets its header fields."""


class Context(LimiterContext):
    """Flask-Limiter's results of one request, cheaper to create and to release."""

    is_direct: bool = False
    """True if Flask-Limiter has evaluated nothing itself. Its hooks then have nothing to do."""

    def __init__(self) -> None:
        self.view_rate_limit = None
        self.view_rate_limits = []
        self.conditional_deductions = {}

    @cached_property
    def seen_limits(self) -> OrderedSet[RuntimeLimit]:  # type: ignore[override]  # an attribute there
        """The default limits that were evaluated already."""
        return OrderedSet()

    def reset(self) -> None:
        """Forget everything."""
        self.view_rate_limit = None
        self.view_rate_limits.clear()
        self.conditional_deductions.clear()
        self.__dict__.pop("seen_limits", None)


class Counted(RequestLimit):
    """Flask-Limiter's result for a limit that was counted directly."""

    def __init__(self, extension: object, limit: RateLimitItem, args: list[str], key: str, window: Window) -> None:
        self.extension = extension  # type: ignore[assignment]  # a proxy, as Flask-Limiter's own
        self.limit, self.request_args, self.key = limit, args, key
        self.breached, self.shared = window.hits > limit.amount, True
        self.counted = window
        self._reset_at = time.time() + window.seconds_left

    @property
    def window(self) -> WindowStats:
        """Return when the window closes and how many requests remain in it."""
        return WindowStats(self._reset_at, max(0, self.limit.amount - self.counted.hits))


def keep_retry_after(response: flask.Response) -> flask.Response:
    """Store ``Retry-After`` before Flask-Limiter replaces it (``RATELIMIT_HEADERS_ENABLED``)."""
    flask.request.environ[SET_BEFORE] = response.headers.get(RETRY_AFTER)
    return response


def restore_retry_after(environ: dict[str, Any], status: str, fields: list[tuple[str, str]]) -> None:
    """Restore the stored ``Retry-After``. A success never has the field, and an error repeats it in its body."""
    if SET_BEFORE not in environ:
        return
    before = environ[SET_BEFORE]
    if before is None and status.startswith(TOO_MANY):
        return
    fields[:] = [field for field in fields if field[0] != RETRY_AFTER]
    if before is not None:
        fields.append((RETRY_AFTER, before))


def state_of(result: RequestLimit) -> tuple[int, int, int]:
    """Return how many requests remain, the seconds until there are more, and the length of the window in seconds.

    The second number is between 1 and the third.
    """
    length = result.limit.get_expiry()
    if (window := _counted(result)) is not None:
        remaining, seconds = result.limit.amount - window.hits, window.seconds_left
    else:
        reset_time, remaining = result.window
        seconds = reset_time - time.time()
    return max(0, remaining), min(max(1, math.ceil(seconds)), length), length


def _counted(result: RequestLimit) -> Window | None:
    return result.counted if isinstance(result, Counted) else limits_storage_adapter.counted(result.key)
