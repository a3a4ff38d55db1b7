"""Flask-Limiter, adapted to several applications in one process and to the counters that all transports share.

This package contains the limiter, its storage, and the checks of its settings. ``app.extensions`` creates it once.
Every limit that its manual describes is evaluated by Flask-Limiter; the only count made here is that of ``RATE_LIMIT``
where nothing else applies to a request (``Limiter._check_request_limit``).
"""

from app.rate_limiting import declared_limits
from app.rate_limiting.limiter import Limiter
from app.rate_limiting.limits_storage_adapter import RateLimitStorage
from app.rate_limiting.results import restore_retry_after, state_of

__all__ = [
    "Limiter",
    "RateLimitStorage",
    "declared_limits",
    "restore_retry_after",
    "state_of",
]
