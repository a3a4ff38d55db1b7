"""Use of the service without a fault: much use, and unequal use."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Final

from app.config import Settings
from tests.drill.environment import OURS, SCALE, SECRET, Environment
from tests.drill.http_client import Caller, request
from tests.drill.load import Entry
from tests.stack.deployment import deployed

CROWD: Final = 32
USED_FOR: Final = 15
GROWTH: Final = 1.05
"""The factor by which memory may grow, from the first third to the end."""
SPARE: Final = 12
"""Descriptors that may be open at one time and not at another: mostly connections of nginx."""
LIMIT: Final = 40
"""Requests per second and address."""
HEAVY: Final = "127.0.9.1"
LIGHT: Final = "127.0.9.2"
CONNECTIONS: Final = 8
SECONDS: Final = 6


def steady_load(env: Environment) -> None:
    """Use the service with 48 clients, without a fault.

    No client notices; memory, descriptors and threads of the workers and database connections stay constant.
    """
    began = time.monotonic()
    with env.crowd(CROWD):
        env.wait(USED_FOR / 3)
        before = _inventory(env)
        env.wait(USED_FOR * 2 / 3)
        after = _inventory(env)
    env.heal()
    env.expect_unnoticed(since=began)
    for pid in before.keys() & after.keys():
        grown = after[pid]["memory"] / before[pid]["memory"]
        env.expect(grown <= GROWTH, f"the memory of a worker grew to {grown:.0%}")
        for what in ("descriptors", "threads"):
            more = after[pid][what] - before[pid][what]
            env.expect(more <= SPARE, f"{more} {what} more in a worker")
    env.expect(before.keys() == after.keys(), "no worker has ended")
    sessions = env.database.run(f"SELECT count(*) FROM pg_stat_activity WHERE {OURS}")[0][0]
    env.expect(sessions <= 4 * 6 + 2, f"{sessions} database connections")
    kinds = Counter(each.kind for each in env.ledger.of(since=began))
    slowest = sorted(each.seconds for each in env.ledger.of(since=began))
    env.note(f"{kinds.total()} requests, p99 {slowest[len(slowest) * 99 // 100] * 1000:.0f} ms")
    env.note(f"memory of the workers {[round(each['memory'] / 1024) for each in after.values()]} MB")


def _inventory(env: Environment) -> dict[int, dict[str, int]]:
    """Return the resources of each worker; memory in kB."""
    held = {}
    for pid in env.deployment.workers:
        home = Path(f"/proc/{pid}")
        status = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
        held[pid] = {
            "memory": int(status["VmRSS"].split()[0]),
            "threads": int(status["Threads"]),
            "descriptors": len(list((home / "fd").iterdir())),
        }
    return held


def noisy_neighbour(env: Environment) -> None:
    """Let one address send far more requests than its limit, and another a tenth of its limit.

    The client over the limit gets 429; the other one does not notice.
    """
    settings = Settings(database_url=env.database.url, jwt_secret=SECRET, rate_limit=f"{LIMIT} per second")
    with deployed(settings, env.deployment.home / "neighbours", {}) as deployment:
        calm = asyncio.run(_send_lightly(env, deployment.port, SECONDS * SCALE / 2))
        light = asyncio.run(_run_with_heavy_client(env, deployment.port))
    env.heal()
    statuses = Counter(each.status for each in env.ledger.of("heavy"))
    env.expect(statuses[429] > statuses[200], f"the client over the limit got {dict(statuses)}")
    env.expect({each.status for each in light} == {200}, "the other client always succeeds")
    env.note(f"{statuses.total() / SECONDS / SCALE:.0f}/s over the limit: {statuses[200]} × 200, {statuses[429]} × 429")
    env.note(
        f"the other client's median was {_middle(calm) * 1000:.0f} ms before, {_middle(light) * 1000:.0f} ms meanwhile"
    )


async def _run_with_heavy_client(env: Environment, port: int) -> list[Entry]:
    """Return the requests of the light client while the heavy client sends."""
    message = request("GET", "/v1/tasks?page_size=1", Authorization=env.bearer("owner-0"))
    until = time.monotonic() + SECONDS * SCALE

    async def insist() -> None:
        caller = Caller(port, address=HEAVY)
        while time.monotonic() < until:
            env.ledger.enter("heavy", await caller.send(message))
        caller.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(insist())
        light = group.create_task(_send_lightly(env, port, SECONDS * SCALE))
    return light.result()


async def _send_lightly(env: Environment, port: int, seconds: float) -> list[Entry]:
    """Send four requests per second from another address, and return the entries."""
    caller, token, until = Caller(port, address=LIGHT), env.bearer("owner-1"), time.monotonic() + seconds
    entered = []
    while time.monotonic() < until:
        answer = await caller.send(request("GET", "/v1/tasks?page_size=1", Authorization=token))
        env.ledger.enter("list", answer)
        entered.append(env.ledger.entries[-1])
        await asyncio.sleep(10 / LIMIT)
    caller.close()
    return entered


def _middle(entries: list[Entry]) -> float:
    return sorted(each.seconds for each in entries)[len(entries) // 2] if entries else 0.0
