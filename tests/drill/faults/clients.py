"""Clients misbehave, or all want the same."""

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


def answers_not_awaited(stage: Environment) -> None:
    """Send 200 creations and hang up before the answer.

    Each is made once or not at all; repeating the key tells which; no transaction is left open.
    """
    titles = [f"{stage.ledger.tag}/aborted-{number}" for number in range(round(ABORTS * SCALE))]
    answers = asyncio.run(_abort(stage, titles))
    stage.heal()
    stage.expect_soon(lambda: not stage.database.run(IDLE), 2, "no transaction is left open")
    replayed = sum(answer.header("Idempotent-Replayed") == "true" for answer in answers)
    stage.note(f"{len(titles)} hung up; of {len(answers)} keys, {replayed} had been used, the others were now")


async def _abort(stage: Environment, titles: list[str]) -> list[Answer]:
    """Send every second one with a key, and ask again by it what became of it."""
    caller, token = Caller(stage.deployment.port), stage.bearer("owner-0")
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
        tries = [await caller.ask(sent[title])]
        while tries[-1].status != 201 and len(tries) < 40:
            await asyncio.sleep(0.25)
            tries.append(await caller.ask(sent[title]))
        for answer in tries:
            stage.ledger.enter("keyed", answer)
        stage.ledger.created(title, tries)
        answers.append(tries[-1])
    stage.ledger.creations += [Creation(title, Outcome.UNKNOWN) for title in titles[1::2]]
    caller.close()
    return answers


def hot_row(stage: Environment) -> None:
    """Have 50 clients PATCH one task with If-Match, over and over.

    As many succeed as the version rises; the others are 412, or 503 where the machine cannot keep up; no deadlock.
    """
    title = f"{stage.ledger.tag}/hot"
    made = stage.send("POST", "/v1/tasks", {"task": {"title": title}})
    name = stage.ledger.created(title, [made])
    began = time.monotonic()
    asyncio.run(_insist(stage, name))
    stage.heal()
    told = Counter(each.status for each in stage.ledger.of("patch", since=began))
    stage.expect(set(told) <= {200, 412, 503}, f"PATCH is answered 200, 412 or 503, not {sorted(told)}")
    stage.note(f"{told[200]} × 200, {told[412]} × 412, version {stage.database.rows(title)[0].version}")


async def _insist(stage: Environment, name: str) -> None:
    until = time.monotonic() + SECONDS * SCALE
    async with asyncio.TaskGroup() as group:
        for number in range(CROWD):
            group.create_task(_update(stage, name, number, until))


async def _update(stage: Environment, name: str, number: int, until: float) -> None:
    caller, token, times = Caller(stage.deployment.port), stage.bearer("owner-0"), 0
    while time.monotonic() < until:
        read = await caller.ask(request("GET", f"/v1/{name}", Authorization=token))
        stage.ledger.enter("get", read)
        if read.status != 200:
            continue
        times += 1
        mark = f"{stage.ledger.tag}/hot-{number}-{times}"
        fields = {"Authorization": token, "If-Match": read.header("ETag")}
        answer = await caller.ask(request("PATCH", f"/v1/{name}", {"description": mark}, **fields))
        stage.ledger.enter("patch", answer)
        stage.ledger.updates.append(Update(name, mark, outcome(answer), version_of(answer)))
    caller.close()


def title_race(stage: Environment) -> None:
    """Have 200 clients create the same title at once.

    One is told 201, 199 are told 409.
    """
    title = f"{stage.ledger.tag}/race"
    answers = asyncio.run(_race(stage, title))
    stage.heal()
    told = Counter(answer.status for answer in answers)
    stage.expect(told == {201: 1, 409: RACERS - 1}, f"one 201 and {RACERS - 1} × 409, not {dict(told)}")
    winner = next((answer for answer in answers if answer.status == 201), None)
    if winner is not None:
        stage.ledger.created(title, [winner])
    stage.note(", ".join(f"{times} × {status}" for status, times in sorted(told.items())))


async def _race(stage: Environment, title: str) -> list[Answer]:
    token = stage.bearer("owner-0")
    said = request("POST", "/v1/tasks", {"task": {"title": title}}, Authorization=token, Connection="close")
    return await asyncio.gather(*(Caller(stage.deployment.port).ask(said) for _ in range(RACERS)))


def read_your_writes(stage: Environment) -> None:
    """Update a task through one instance and read it through the other at once, 500 times, in turns.

    What is read is what was acknowledged, also for who already has the version before.
    """
    title, began = f"{stage.ledger.tag}/own", time.monotonic()
    made = stage.send("POST", "/v1/tasks", {"task": {"title": title}})
    name = stage.ledger.created(title, [made])
    older = asyncio.run(_write_and_read(stage, name, made.header("ETag")))
    stage.heal()
    stage.expect(not older, f"{older} reads did not see the write before")
    stage.expect_unnoticed(since=began)
    stage.note(f"{round(UPDATES * SCALE) - older} of {round(UPDATES * SCALE)} reads saw the write before")


async def _write_and_read(stage: Environment, name: str, tag: str) -> int:
    """Return how many reads did not see what had been written."""
    callers, token, older = [Caller(path) for path in stage.deployment.sockets], stage.bearer("owner-0"), 0
    for number in range(round(UPDATES * SCALE)):
        here, there = callers[number % 2], callers[1 - number % 2]
        mark = f"{stage.ledger.tag}/own-{number}"
        written = await here.ask(request("PATCH", f"/v1/{name}", {"description": mark}, Authorization=token))
        read = await there.ask(request("GET", f"/v1/{name}", Authorization=token, If_None_Match=tag))
        stage.ledger.enter("patch", written)
        stage.ledger.updates.append(Update(name, mark, outcome(written), version_of(written)))
        stage.ledger.enter("get", read)
        tag = written.header("ETag") or tag
        older += written.status == 200 and (read.status, read.header("ETag")) != (200, tag)
    for caller in callers:
        caller.close()
    return older
