"""Windows that all instances count in together, in Redis; each process in its own while Redis does not answer.

Each process remembers what it was told, goes on from there when it has to count alone, and tells Redis when that has
forgotten: so together they let at most the limit times their number through, whatever becomes of Redis.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Final

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errs.platform import ServiceUnavailable
from app.resilience.breaker import Breaker, Event, State
from app.resilience.counts import Counts
from app.resilience.windows import OwnWindows, Window

PATIENCE: Final = 0.2
"""Seconds to connect, and for an answer."""
PROBED_EVERY: Final = timedelta(seconds=1)
"""While Redis is away, one request of each process waits for it so often, and no other."""
ENOUGH: Final = 3
"""Failures in a row after which nobody else waits."""

HIT: Final = """
local length, seen, seen_left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local hits, left = redis.call('INCR', KEYS[1]), redis.call('PTTL', KEYS[1])
if hits <= seen then
  hits, left = seen + 1, seen_left
  redis.call('SET', KEYS[1], hits, 'PX', left)
elseif left < 0 then
  left = length
  redis.call('PEXPIRE', KEYS[1], left)
end
return {hits, left}
"""


class SharedWindows:
    """Counts hits together with others."""

    def __init__(self, url: str, *, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self._hit = self._redis.register_script(HIT)
        self._own = OwnWindows()
        self.breaker = Breaker(
            "redis",
            ready_to_trip=_is_down,
            is_failure=lambda error: isinstance(error, RedisError) or None,
            open_for=PROBED_EVERY,
            hooks=hooks,
        )

    def hit(self, key: str, *, seconds: int) -> Window:
        """Count a hit."""
        try:
            with self.breaker.allow():
                return self._ask(key, seconds)
        except (RedisError, ServiceUnavailable):
            return self._own.hit(key, seconds=seconds)

    def seen(self, key: str) -> Window:
        """Return what this process was told last, without asking."""
        return self._own.seen(key)

    def _ask(self, key: str, seconds: int) -> Window:
        seen, asked_at = self._own.seen(key), time.monotonic()
        hits, left = self._hit(keys=[f"candor:window:{key}"], args=[seconds * 1000, seen.hits, ceil(seen.left * 1000)])
        told = Window(int(hits), int(left) / 1000)
        self._own.learn(key, told, at=asked_at)
        return told

    def is_shared(self) -> bool:
        """Tell whether hits are counted together just now; a server that is full answers a ping all the same."""
        try:
            return self.breaker.state() is State.CLOSED and bool(self._redis.ping())
        except RedisError:
            return False


def _is_down(counts: Counts) -> bool:
    return counts.consecutive_failures >= ENOUGH
