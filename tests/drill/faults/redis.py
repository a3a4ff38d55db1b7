"""What the instances count requests in dies, hangs, is full, forgets.

Each fault has a deployment of its own on the same database, with Redis, with a load of its own beside the steady one,
and with somebody greedy who asks for more than the limit lets through.
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
"""Requests an hour and address: more than a client of the load needs."""
WORKERS: Final = 4
CLIENTS: Final = 8
CONNECTIONS: Final = 8
PROBES: Final = 8
BACK_WITHIN: Final = 10.0
Misfortune = Callable[[Redis], AbstractContextManager[None]]
_homes: Final = count()
_addresses: Final = (f"127.0.{2 + n // 250}.{n % 250 + 1}" for n in count())


def redis_killed(stage: Environment) -> None:
    """Kill Redis with SIGKILL, and start it again, empty, on a stack that counts in it.

    Nobody else notices; the greedy get the limit times the workers at most; within 10 s all is counted together again.
    """
    _endure(stage, Redis.killed)


def redis_frozen(stage: Environment) -> None:
    """Stop Redis by SIGSTOP: it takes connections and answers nothing.

    As when it is killed.
    """
    _endure(stage, Redis.frozen)


def redis_full(stage: Environment) -> None:
    """Leave Redis no memory: it refuses every write.

    As when it is killed.
    """
    _endure(stage, Redis.full)


def redis_flushed(stage: Environment) -> None:
    """Have Redis forget everything, its scripts too.

    As when it is killed.
    """
    _endure(stage, Redis.flushed)


def _endure(stage: Environment, misfortune: Misfortune) -> None:
    redis, heavy = Redis(), next(_addresses)
    with redis.server, _deployed(stage, redis) as deployment:
        began, port = monotonic(), deployment.port
        with Load(port, stage.bearer, stage.ledger, clients=CLIENTS, name="limited"):
            _expect_shared(stage, port, redis)
            asyncio.run(_insist(stage, port, heavy, times=LIMIT // 2))
            with misfortune(redis):
                asyncio.run(_insist(stage, port, heavy, times=LIMIT * WORKERS))
                stage.expect(all(map(is_ready, deployment.sockets)), "the instances are ready without Redis")
            stage.heal()
            back = _expect_shared(stage, port, redis)
            asyncio.run(_insist(stage, port, heavy, times=LIMIT))
        stage.expect_unnoticed(since=began)
    told = Counter(each.status for each in stage.ledger.of("greedy", since=began))
    stage.expect(told[200] <= LIMIT * WORKERS, f"at a limit of {LIMIT}, {told[200]} × 200 for one address")
    stage.note(f"limit {LIMIT}: {told[200]} × 200, {told[429]} × 429 for one address; together again in {back:.1f} s")


@contextmanager
def _deployed(stage: Environment, redis: Redis) -> Iterator[Deployment]:
    settings = Settings(database_url=stage.database.url, jwt_secret=SECRET, rate_limit=f"{LIMIT} per hour")
    home = stage.deployment.home / f"limited-{next(_homes)}"  # with a log of its own, which the books are held against
    with deployed(settings, home, {"REDIS_URL": redis.url}) as deployment:
        yield deployment


async def _insist(stage: Environment, port: int, address: str, *, times: int) -> None:
    """Ask so many times from one address, on several connections."""
    said = request("GET", "/v1/tasks?page_size=1", Authorization=stage.bearer("owner-0"))
    left = iter(range(times))

    async def ask() -> None:
        caller = Caller(port, address=address)
        for _ in left:
            stage.ledger.enter("greedy", await caller.ask(said))
        caller.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))


def _expect_shared(stage: Environment, port: int, redis: Redis) -> float:
    """Wait until every request of somebody new, on whichever worker, is counted in the one place."""

    def is_shared() -> bool:
        address = next(_addresses)
        statuses = asyncio.run(_probe(port, address))
        return statuses == [200] * PROBES and redis.counted(address) == PROBES

    return stage.expect_soon(is_shared, BACK_WITHIN, "requests are counted in one place")


async def _probe(port: int, address: str) -> list[int]:
    caller, said = Caller(port, address=address), request("GET", "/", Accept="application/json")
    statuses = [(await caller.ask(said)).status for _ in range(PROBES)]
    caller.close()
    return statuses
