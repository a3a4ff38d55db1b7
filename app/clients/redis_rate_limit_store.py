"""Rate-limit counters in Redis, which all instances share. While Redis does not respond, each process counts alone.

Each process stores the last counts of Redis. While it counts alone, it continues from them. If Redis has lost a count,
the process restores it. Therefore all processes together allow at most the limit times the number of processes.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Final

from redis import RedisError
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from app import product
from app.clients.redis_servers import Primary
from app.errs.platform import ServiceUnavailable
from app.observability import metrics
from app.resilience.breaker import Breaker, Event, State
from app.resilience.breaker_counts import Counts
from app.resilience.in_memory_rate_limit_store import REDIS, InMemoryRateLimitStore, Window

PROBE_INTERVAL: Final = timedelta(seconds=1)
"""How often each process checks whether Redis is available again. No request waits for that."""
FAILURES_TO_TRIP: Final = 3
"""Consecutive failures after which requests no longer wait for Redis."""

NAMESPACE: Final = f"{product.SLUG}:window:"
RIGHTS: Final = f"~{NAMESPACE}* +ping +evalsha +script|load +incrby +get +set +pttl +pexpire +scan"
"""The permissions that the user of REDIS_URL needs, in the syntax of ``ACL SETUSER``."""
REMEDIES: Final[tuple[tuple[type[RedisError], str], ...]] = (
    (AuthenticationError, "Redis rejects the user or the password of REDIS_URL: correct them"),
    (NoPermissionError, f"the user of REDIS_URL lacks rights: it needs {RIGHTS}"),
    (ReadOnlyError, "REDIS_URL leads to a replica: use the primary, or a list of all servers"),
    (OutOfMemoryError, "Redis is out of memory: raise maxmemory, or set a maxmemory-policy that evicts volatile keys"),
    (ResponseError, f"Redis rejects the scripts of the limits: it must be Redis 5, Valkey or newer, with {RIGHTS}"),
)
"""The fixes of errors that are not transient. The first matching one applies."""

CLEARED: Final = 2**32
"""The number that is added to a stored count each time it is cleared. The hits are the count modulo this number.

A cleared count is therefore greater than the count that any process has stored, and replaces it there.
"""
PROBE: Final = "probe"
"""The key of hits that only check whether Redis counts. It expires after a second."""

INCREMENT_SCRIPT: Final = """
local length, seen, seen_left, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local hits, left = redis.call('INCRBY', KEYS[1], amount), redis.call('PTTL', KEYS[1])
if hits < seen + amount then
  hits, left = seen + amount, seen_left
  redis.call('SET', KEYS[1], hits, 'PX', left)
elseif left < 0 then
  left = length
  redis.call('PEXPIRE', KEYS[1], left)
end
return {hits, left}
"""
PEEK_SCRIPT: Final = """
return {tonumber(redis.call('GET', KEYS[1]) or 0), math.max(0, redis.call('PTTL', KEYS[1]))}
"""
CLEAR_SCRIPT: Final = f"""
local hits, left = tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1])
if left < 0 then
  return {{0, 0}}
end
hits = (math.floor(hits / {CLEARED}) + 1) * {CLEARED}
redis.call('SET', KEYS[1], string.format('%.0f', hits), 'PX', left)
return {{hits, left}}
"""


class RedisRateLimitStore:
    """Counts hits together with other processes."""

    def __init__(self, url: str, *, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
        self._primary = Primary(url)
        self._increment, self._peek, self._clear = map(
            self._primary.script, (INCREMENT_SCRIPT, PEEK_SCRIPT, CLEAR_SCRIPT)
        )
        self._local = InMemoryRateLimitStore()
        metrics.add_dependency("redis", "increment", "peek")
        self.breaker = Breaker(
            REDIS,
            ready_to_trip=_is_down,
            is_failure=lambda error: isinstance(error, RedisError) or None,
            open_for=PROBE_INTERVAL,
            health_check=self._probe,
            hooks=hooks,
        )

    def increment(self, key: str, *, seconds: int, amount: int = 1) -> Window:
        """Count a hit, or several hits."""
        try:
            with self.breaker.allow():
                return _without_generation(self._count(key, seconds, amount))
        except (RedisError, ServiceUnavailable) as error:
            _count_error(error, "increment")
            return _without_generation(self._local.increment(key, seconds=seconds, amount=amount))

    def peek_local(self, key: str) -> Window:
        """Return the last count that this process has stored, without a command to Redis."""
        return _without_generation(self._local.peek_local(key))

    def peek(self, key: str) -> Window:
        """Return the count of Redis, or of this process if Redis does not respond."""
        try:
            with self.breaker.allow():
                sent_at = time.monotonic()
                hits, left = self._primary.run(self._peek, keys=[_stored_key(key)])
        except (RedisError, ServiceUnavailable) as error:
            _count_error(error, "peek")
            return self.peek_local(key)
        self._local.merge(key, Window(int(hits), int(left) / 1000), at=sent_at)
        return self.peek_local(key)

    def clear(self, key: str) -> None:
        """Set the hits of a window to zero.

        Raises:
            RedisError: Redis does not respond.
        """
        sent_at = time.monotonic()
        hits, left = self._primary.run(self._clear, keys=[_stored_key(key)])
        self._local.clear(key)
        self._local.merge(key, Window(int(hits), int(left) / 1000), at=sent_at)

    def reset(self, prefix: str) -> int:
        """Set the hits of all windows whose key has this prefix to zero. Return their number.

        Raises:
            RedisError: Redis does not respond.
        """
        found = [bytes(each).decode() for each in self._primary.client.scan_iter(match=f"{_stored_key(prefix)}*")]
        for each in found:
            self.clear(each.removeprefix(NAMESPACE))
        self._local.reset(prefix)
        return len(found)

    def _probe(self) -> None:
        """Return if Redis counts. A ping is not enough, because a full Redis answers it."""
        self._primary.run(self._increment, keys=[_stored_key(PROBE)], args=[1000, 0, 0, 1])

    def _count(self, key: str, seconds: int, amount: int) -> Window:
        local, sent_at = self._local.peek_local(key), time.monotonic()
        args = [seconds * 1000, local.hits, ceil(local.seconds_left * 1000), amount]
        hits, left = self._primary.run(self._increment, keys=[_stored_key(key)], args=args)
        counted = Window(int(hits), int(left) / 1000)
        self._local.merge(key, counted, at=sent_at)
        return counted

    def is_shared(self) -> bool:
        """Return whether hits are counted in Redis. It checks the breaker, because a full Redis answers a ping."""
        try:
            return self.breaker.state() is State.CLOSED and bool(self._primary.client.ping())
        except RedisError:
            return False


def remedy_of(cause: BaseException | None) -> str | None:
    """Return the fix of an error of Redis, in one sentence; ``None`` if the error may be transient."""
    return next((remedy for kind, remedy in REMEDIES if isinstance(cause, kind)), None)


def _count_error(error: Exception, operation: str) -> None:
    """Count an error of Redis. A call that the circuit breaker rejected does not count."""
    if isinstance(error, RedisError):
        metrics.DEPENDENCY_ERRORS.labels("redis", operation).inc()


def _stored_key(key: str) -> str:
    return f"{NAMESPACE}{key}"


def _without_generation(window: Window) -> Window:
    return Window(window.hits % CLEARED, window.seconds_left)


def _is_down(counts: Counts) -> bool:
    return counts.consecutive_failures >= FAILURES_TO_TRIP
