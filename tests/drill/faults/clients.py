"""Clients that misbehave, or that compete."""

import asyncio
import time
from collections import Counter
from typing import Final

from tests.drill.environment import OURS, SCALE, Environment
from tests.drill.history import Creation, Update
from tests.drill.http_client import Answer, Caller, request
from tests.drill.load import version_of
from tests.drill.verdicts import Outcome, outcome

IDLE: Final = f"SELECT 1 FROM pg_stat_activity WHERE {OURS} AND state LIKE 'idle in transaction%'"
ABORTS: Final = 200
CROWD: Final = 50
SECONDS: Final = 4
RACERS: Final = 200
UPDATES: Final = 500


def answers_not_awaited(env: Environment) -> None:
    """Send 200 creations and disconnect before the response.

    Each is made once or not at all; repeating the key returns the result; no transaction stays open.
    """
    titles = [f"{env.ledger.tag}/aborted-{number}" for number in range(round(ABORTS * SCALE))]
    answers = asyncio.run(_abort(env, titles))
    env.heal()
    env.expect_soon(lambda: not env.database.run(IDLE), 2, "no transaction is left open")
    replayed = sum(answer.header("Idempotent-Replayed") == "true" for answer in answers)
    env.note(f"{len(titles)} disconnected; of {len(answers)} keys, {replayed} had been used, the others were now")


async def _abort(env: Environment, titles: list[str]) -> list[Answer]:
    """Send every second creation with a key, and repeat the key to find the result."""
    caller, token = Caller(env.deployment.port), env.bearer("owner-0")
    sent = {title: request("POST", "/v1/tasks", {"task": {"title": title}}, Authorization=token) for title in titles}
    keyed = titles[::2]
    for title in keyed:
        body = {"task": {"title": title}}
        sent[title] = request("POST", "/v1/tasks", body, Authorization=token, Idempotency_Key=title)
    for title in titles:
        await caller.abort(sent[title])
        await asyncio.sleep(0.005)
    answers = []
    for title in keyed:
        tries = [await caller.send(sent[title])]
        while tries[-1].status != 201 and len(tries) < 40:
            await asyncio.sleep(0.25)
            tries.append(await caller.send(sent[title]))
        for answer in tries:
            env.ledger.enter("keyed", answer)
        env.ledger.created(title, tries)
        answers.append(tries[-1])
    env.ledger.creations += [Creation(title, Outcome.UNKNOWN) for title in titles[1::2]]
    caller.close()
    return answers


def hot_row(env: Environment) -> None:
    """Let 50 clients PATCH one task with If-Match, repeatedly.

    There are as many successes as new versions; others get 412, or 503 when the machine is too slow; no deadlock.
    """
    title = f"{env.ledger.tag}/hot"
    made = env.send("POST", "/v1/tasks", {"task": {"title": title}})
    name = env.ledger.created(title, [made])
    began = time.monotonic()
    asyncio.run(_insist(env, name))
    env.heal()
    statuses = Counter(each.status for each in env.ledger.of("patch", since=began))
    env.expect(set(statuses) <= {200, 412, 503}, f"PATCH is answered 200, 412 or 503, not {sorted(statuses)}")
    env.note(f"{statuses[200]} × 200, {statuses[412]} × 412, version {env.database.rows(title)[0].version}")


async def _insist(env: Environment, name: str) -> None:
    until = time.monotonic() + SECONDS * SCALE
    async with asyncio.TaskGroup() as group:
        for number in range(CROWD):
            group.create_task(_update(env, name, number, until))


async def _update(env: Environment, name: str, number: int, until: float) -> None:
    caller, token, times = Caller(env.deployment.port), env.bearer("owner-0"), 0
    while time.monotonic() < until:
        read = await caller.send(request("GET", f"/v1/{name}", Authorization=token))
        env.ledger.enter("get", read)
        if read.status != 200:
            continue
        times += 1
        mark = f"{env.ledger.tag}/hot-{number}-{times}"
        fields = {"Authorization": token, "If-Match": read.header("ETag")}
        answer = await caller.send(request("PATCH", f"/v1/{name}", {"description": mark}, **fields))
        env.ledger.enter("patch", answer)
        env.ledger.updates.append(Update(name, mark, outcome(answer), version_of(answer)))
    caller.close()


def title_race(env: Environment) -> None:
    """Let 200 clients create the same title at once.

    One gets 201, 199 get 409.
    """
    title = f"{env.ledger.tag}/race"
    answers = asyncio.run(_race(env, title))
    env.heal()
    statuses = Counter(answer.status for answer in answers)
    env.expect(statuses == {201: 1, 409: RACERS - 1}, f"one 201 and {RACERS - 1} × 409, not {dict(statuses)}")
    winner = next((answer for answer in answers if answer.status == 201), None)
    if winner is not None:
        env.ledger.created(title, [winner])
    env.note(", ".join(f"{times} × {status}" for status, times in sorted(statuses.items())))


async def _race(env: Environment, title: str) -> list[Answer]:
    token = env.bearer("owner-0")
    message = request("POST", "/v1/tasks", {"task": {"title": title}}, Authorization=token, Connection="close")
    return await asyncio.gather(*(Caller(env.deployment.port).send(message) for _ in range(RACERS)))


def read_your_writes(env: Environment) -> None:
    """Update a task through one instance and immediately read it through the other, 500 times, in turns.

    Each read returns the acknowledged version, also for clients that already have the previous version.
    """
    title, began = f"{env.ledger.tag}/own", time.monotonic()
    made = env.send("POST", "/v1/tasks", {"task": {"title": title}})
    name = env.ledger.created(title, [made])
    older = asyncio.run(_write_and_read(env, name, made.header("ETag")))
    env.heal()
    env.expect(not older, f"{older} reads did not see the write before")
    env.expect_unnoticed(since=began)
    env.note(f"{round(UPDATES * SCALE) - older} of {round(UPDATES * SCALE)} reads saw the write before")


async def _write_and_read(env: Environment, name: str, tag: str) -> int:
    """Return the number of reads that did not return the last write."""
    callers, token, older = [Caller(path) for path in env.deployment.sockets], env.bearer("owner-0"), 0
    for number in range(round(UPDATES * SCALE)):
        here, there = callers[number % 2], callers[1 - number % 2]
        mark = f"{env.ledger.tag}/own-{number}"
        written = await here.send(request("PATCH", f"/v1/{name}", {"description": mark}, Authorization=token))
        read = await there.send(request("GET", f"/v1/{name}", Authorization=token, If_None_Match=tag))
        env.ledger.enter("patch", written)
        env.ledger.updates.append(Update(name, mark, outcome(written), version_of(written)))
        env.ledger.enter("get", read)
        tag = written.header("ETag") or tag
        older += written.status == 200 and (read.status, read.header("ETag")) != (200, tag)
    for caller in callers:
        caller.close()
    return older
