"""Counts calls per client address, together with HTTP requests. Before authentication, to limit token guessing
(C22).
"""

import math
from collections.abc import Callable

from app.errs.platform import RateLimitExceeded
from app.extensions import limiter
from app.rate_limiting import grpc_limits
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Count the call.

    Raises:
        RateLimitExceeded: there were too many.
    """
    exceeded = grpc_limits.count(limiter, call.counted_address)
    if exceeded:
        length = exceeded.limit.get_expiry()
        wait = min(max(1, math.ceil(exceeded.left)), length)
        raise RateLimitExceeded(limit=exceeded.limit.amount, window_seconds=length, retry_after=wait)
    return proceed()
