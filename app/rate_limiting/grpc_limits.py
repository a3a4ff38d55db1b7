"""``RATE_LIMIT`` for transports that are not HTTP: an address has one count for all of them."""

import time
from typing import NamedTuple

from flask import current_app
from limits import RateLimitItem

from app.rate_limiting import declared_limits
from app.rate_limiting.limiter import Limiter
from app.wire.client_addresses import EVERYTHING


class Exceeded(NamedTuple):
    """A limit that was exceeded, and the seconds until its window closes."""

    limit: RateLimitItem
    left: float


def count(limiter: Limiter, address: str) -> Exceeded | None:
    """Count a call in the current application. Return the limit that it exceeds, if there is one."""
    if not limiter.enabled:
        return None
    keys = [limiter._key_prefix] if limiter._key_prefix else []  # noqa: SLF001 -- Flask-Limiter has no other way to read it
    keys += [address, EVERYTHING]
    for limit in declared_limits.of_everything(current_app.config[declared_limits.SETTING]):
        if not _hit(limiter, limit, keys):
            return Exceeded(limit, limiter.limiter.get_window_stats(limit, *keys).reset_time - time.time())
    return None


def _hit(limiter: Limiter, limit: RateLimitItem, keys: list[str]) -> bool:
    """Count the call. If the storage fails, follow the settings, as Flask-Limiter does for a request."""
    try:
        return limiter.limiter.hit(limit, *keys)
    except Exception:
        if limiter._in_memory_fallback_enabled and not limiter._storage_dead:  # noqa: SLF001 -- as above
            limiter._storage_dead = True  # noqa: SLF001 -- as above
            return limiter.limiter.hit(limit, *keys)
        if not limiter._swallow_errors:  # noqa: SLF001 -- as above
            raise
        limiter.logger.exception("Failed to rate limit. Swallowing error")
        return True
