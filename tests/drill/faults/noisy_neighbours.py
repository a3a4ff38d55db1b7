"""No fault of the service's at all: it is in use, by some more than by others."""

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
"""What memory may have grown by, from the first third to the end."""
SPARE: Final = 12
"""Descriptors that may be open at one moment and not at another: connections of nginx's, mostly."""
LIMIT: Final = 40
"""Requests a second and address."""
HEAVY: Final = "127.0.9.1"
LIGHT: Final = "127.0.9.2"
CONNECTIONS: Final = 8
SECONDS: Final = 6


def steady_load(stage: Environment) -> None:
    """Do nothing but use it, by 48 clients.

    Nobody notices; memory, descriptors and threads of the workers stay what they are, and so do database connections.
    """
    began = time.monotonic()
    with stage.crowd(CROWD):
        stage.wait(USED_FOR / 3)
        before = _inventory(stage)
        stage.wait(USED_FOR * 2 / 3)
        after = _inventory(stage)
    stage.heal()
    stage.expect_unnoticed(since=began)
    for pid in before.keys() & after.keys():
        grown = after[pid]["memory"] / before[pid]["memory"]
        stage.expect(grown <= GROWTH, f"the memory of a worker grew to {grown:.0%}")
        for what in ("descriptors", "threads"):
            more = after[pid][what] - before[pid][what]
            stage.expect(more <= SPARE, f"{more} {what} more in a worker")
    stage.expect(before.keys() == after.keys(), "no worker has ended")
    sessions = stage.database.run(f"SELECT count(*) FROM pg_stat_activity WHERE {OURS}")[0][0]
    stage.expect(sessions <= 4 * 6 + 2, f"{sessions} database connections")
    told = Counter(each.kind for each in stage.ledger.of(since=began))
    slowest = sorted(each.seconds for each in stage.ledger.of(since=began))
    stage.note(f"{told.total()} requests, p99 {slowest[len(slowest) * 99 // 100] * 1000:.0f} ms")
    stage.note(f"memory of the workers {[round(each['memory'] / 1024) for each in after.values()]} MB")


def _inventory(stage: Environment) -> dict[int, dict[str, int]]:
    """Return what each worker holds; memory in kB."""
    held = {}
    for pid in stage.deployment.workers:
        home = Path(f"/proc/{pid}")
        said = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
        held[pid] = {
            "memory": int(said["VmRSS"].split()[0]),
            "threads": int(said["Threads"]),
            "descriptors": len(list((home / "fd").iterdir())),
        }
    return held


def noisy_neighbour(stage: Environment) -> None:
    """Have one address ask for all it can get, far beyond its limit, and another for a tenth of its own.

    The greedy are told 429; the modest never notice.
    """
    settings = Settings(database_url=stage.database.url, jwt_secret=SECRET, rate_limit=f"{LIMIT} per second")
    with deployed(settings, stage.deployment.home / "neighbours", {}) as deployment:
        calm = asyncio.run(_send_lightly(stage, deployment.port, SECONDS * SCALE / 2))
        light = asyncio.run(_run_beside_heavy_client(stage, deployment.port))
    stage.heal()
    told = Counter(each.status for each in stage.ledger.of("greedy"))
    stage.expect(told[429] > told[200], f"the greedy were told {dict(told)}")
    stage.expect({each.status for each in light} == {200}, "the modest are always answered")
    stage.note(f"{told.total() / SECONDS / SCALE:.0f}/s by the greedy: {told[200]} × 200, {told[429]} × 429")
    stage.note(
        f"the modest waited {_middle(calm) * 1000:.0f} ms in the middle before, {_middle(light) * 1000:.0f} ms beside"
    )


async def _run_beside_heavy_client(stage: Environment, port: int) -> list[Entry]:
    """Return how the modest fare while the greedy ask."""
    said = request("GET", "/v1/tasks?page_size=1", Authorization=stage.bearer("owner-0"))
    until = time.monotonic() + SECONDS * SCALE

    async def insist() -> None:
        caller = Caller(port, address=HEAVY)
        while time.monotonic() < until:
            stage.ledger.enter("greedy", await caller.ask(said))
        caller.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(insist())
        light = group.create_task(_send_lightly(stage, port, SECONDS * SCALE))
    return light.result()


async def _send_lightly(stage: Environment, port: int, seconds: float) -> list[Entry]:
    """Ask four times a second from another address, and return the entries."""
    caller, token, until = Caller(port, address=LIGHT), stage.bearer("owner-1"), time.monotonic() + seconds
    entered = []
    while time.monotonic() < until:
        answer = await caller.ask(request("GET", "/v1/tasks?page_size=1", Authorization=token))
        stage.ledger.enter("list", answer)
        entered.append(stage.ledger.entries[-1])
        await asyncio.sleep(10 / LIMIT)
    caller.close()
    return entered


def _middle(entries: list[Entry]) -> float:
    return sorted(each.seconds for each in entries)[len(entries) // 2] if entries else 0.0
