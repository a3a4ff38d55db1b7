"""Redis, in which the instances count requests, dies, hangs, is full, or loses its data.

Each fault has a separate deployment on the same database, with Redis, with its own load in addition to the steady
load, and with a client that sends more requests than the limit allows.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from time import monotonic
from typing import Final

from app.config import Settings
from tests.drill.environment import SCALE, SECRET, Environment
from tests.drill.http_client import Caller, request
from tests.drill.load import Load
from tests.stack.deployment import Deployment, deployed, is_ready
from tests.stack.redis_server import Redis

LIMIT: Final = round(120 * SCALE)
"""Requests per hour and address: more than a client of the load needs."""
WORKERS: Final = 4
CLIENTS: Final = 8
CONNECTIONS: Final = 8
PROBES: Final = 8
BACK_WITHIN: Final = 10.0
Misfortune = Callable[[Redis], AbstractContextManager[None]]
_homes: Final = count()
_addresses: Final = (f"127.0.{2 + n // 250}.{n % 250 + 1}" for n in count())


def redis_killed(env: Environment) -> None:
    """Kill Redis with SIGKILL, and start it again, empty, in a deployment that counts requests in it.

    Clients within the limit do not notice; others get at most limit × workers; shared counting resumes within 10 s.
    """
    _endure(env, Redis.killed)


def redis_frozen(env: Environment) -> None:
    """Stop Redis by SIGSTOP: it accepts connections and answers nothing.

    The same promises as when it is killed.
    """
    _endure(env, Redis.frozen)


def redis_full(env: Environment) -> None:
    """Limit the memory of Redis, which then rejects every write.

    The same promises as when it is killed.
    """
    _endure(env, Redis.full)


def redis_flushed(env: Environment) -> None:
    """Delete all data and scripts of Redis.

    The same promises as when it is killed.
    """
    _endure(env, Redis.flushed)


def _endure(env: Environment, misfortune: Misfortune) -> None:
    redis, heavy = Redis(), next(_addresses)
    with redis.server, _deployed(env, redis) as deployment:
        began, port = monotonic(), deployment.port
        with Load(port, env.bearer, env.ledger, clients=CLIENTS, name="limited"):
            _expect_shared(env, port, redis)
            asyncio.run(_insist(env, port, heavy, times=LIMIT // 2))
            with misfortune(redis):
                asyncio.run(_insist(env, port, heavy, times=LIMIT * WORKERS))
                env.expect(all(map(is_ready, deployment.sockets)), "the instances are ready without Redis")
            env.heal()
            back = _expect_shared(env, port, redis)
            asyncio.run(_insist(env, port, heavy, times=LIMIT))
        env.expect_unnoticed(since=began)
    statuses = Counter(each.status for each in env.ledger.of("heavy", since=began))
    env.expect(statuses[200] <= LIMIT * WORKERS, f"at a limit of {LIMIT}, {statuses[200]} × 200 for one address")
    env.note(
        f"limit {LIMIT}: {statuses[200]} × 200, {statuses[429]} × 429 for one address; together again in {back:.1f} s"
    )


@contextmanager
def _deployed(env: Environment, redis: Redis) -> Iterator[Deployment]:
    settings = Settings(database_url=env.database.url, jwt_secret=SECRET, rate_limit=f"{LIMIT} per hour")
    home = env.deployment.home / f"limited-{next(_homes)}"  # with a separate log, which the reconciliation reads
    with deployed(settings, home, {"REDIS_URL": redis.url}) as deployment:
        yield deployment


async def _insist(env: Environment, port: int, address: str, *, times: int) -> None:
    """Send a number of requests from one address, on several connections."""
    message = request("GET", "/v1/tasks?page_size=1", Authorization=env.bearer("owner-0"))
    left = iter(range(times))

    async def send() -> None:
        caller = Caller(port, address=address)
        for _ in left:
            env.ledger.enter("heavy", await caller.send(message))
        caller.close()

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))


def _expect_shared(env: Environment, port: int, redis: Redis) -> float:
    """Wait until every request of a new client, on any worker, is counted in Redis."""

    def is_shared() -> bool:
        address = next(_addresses)
        statuses = asyncio.run(_probe(port, address))
        return statuses == [200] * PROBES and redis.counted(address) == PROBES

    return env.expect_soon(is_shared, BACK_WITHIN, "requests are counted in one place")


async def _probe(port: int, address: str) -> list[int]:
    caller, message = Caller(port, address=address), request("GET", "/", Accept="application/json")
    statuses = [(await caller.send(message)).status for _ in range(PROBES)]
    caller.close()
    return statuses
