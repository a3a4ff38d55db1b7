"""Histories of single objects, recorded during kills, which have to be linearizable."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from tests.drill.environment import SCALE, Environment
from tests.drill.http_client import Answer, Caller, request
from tests.drill.linearizability import UNKNOWN, Set
from tests.drill.recorded import Chain, History, Key, Session
from tests.drill.recorders import TaskClients, together

SECONDS: Final = 20
"""Less than the minute in which a refresh token may be repeated."""
BLIND: Final = 0.1
"""The share of updates without a condition."""
CREATORS: Final = 4
TABS: Final = 2
SESSIONS: Final = 3
REFRESHES: Final = 28
"""Of a session; the service permits 30 in 15 minutes."""
LISTED: Final = 100
"""The number of tasks on one page of a list."""
EMAIL: Final = "historian@history.example.com"
PASSWORD: Final = "an-annalist-of-sessions"
TOKEN: Final = "SELECT payload->>'token' FROM jobs WHERE payload->>'to' = %s ORDER BY create_time DESC LIMIT 1"


def histories(env: Environment) -> None:
    """Update one task, create with keys and refresh sessions, while workers and PostgreSQL are killed.

    Each object's history of requests and responses is linearizable (see ``linearizability``).
    """
    chains = [_log_in(env, number) for number in range(SESSIONS)]
    for number in range(max(1, round(SCALE))):
        found = asyncio.run(_record(env, number, chains if number == 0 else []))
        for history in found:
            wrong = history.contradiction()
            env.expect(not wrong, wrong)
        for kind, some in itertools.groupby(found, lambda history: history.name.partition(" ")[0]):
            group = list(some)
            requests = sum(len(history.operations) for history in group)
            env.note(f"{kind}: {len(group)} histories, {requests} requests, {sum(h.unknown for h in group)} unknown")
    env.heal()


async def _record(env: Environment, number: int, chains: list[str]) -> list[History]:
    """Return the histories of some seconds."""
    until = time.monotonic() + SECONDS
    recorders: list[_Recorder] = [
        TaskClients(
            env.deployment.port,
            env.bearer,
            env.ledger,
            f"{env.ledger.tag}/register-{number}",
            is_over=lambda: time.monotonic() > until,
            blind=BLIND,
        ),
        _Creations(env, number, until),
        *(_Tabs(env, each, until) for each in chains),
    ]
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(_kill, env, until - 3))
        for recorder in recorders:
            group.create_task(recorder.record())
    return [history for recorder in recorders for history in recorder.histories]


def _kill(env: Environment, until: float) -> None:
    """Kill a worker every 1.5 s; in between, crash PostgreSQL once, and terminate its sessions otherwise."""
    chance = random.Random(1)
    for number in itertools.count():
        if time.monotonic() > until:
            break
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(env.deployment.workers), signal.SIGKILL)
        time.sleep(0.75)
        if number == 3:
            with suppress(ProcessLookupError, IndexError):
                os.kill(env.database.sessions()[0], signal.SIGKILL)
            env.database.wait_until_accepting()
        elif number % 2:
            env.database.terminate_sessions()
        time.sleep(0.75)


class _Recorder(Protocol):
    @property
    def histories(self) -> list[History]: ...
    async def record(self) -> None: ...


class _Creations:
    """Clients that send each creation at the same time with the same key, until they have a response, and a reader."""

    def __init__(self, env: Environment, number: int, until: float) -> None:
        self._env, self._until, self._number = env, until, number
        self._owner = f"annalist-{number}"
        self._tasks = History("set of tasks", Set())
        self._keys: dict[str, History] = {}
        self._answers: dict[str, list[Answer]] = defaultdict(list)

    @property
    def histories(self) -> list[History]:
        """Return that of the set of tasks, and one for each key."""
        return [self._tasks, *self._keys.values()]

    async def record(self) -> None:
        """Create one task after another, and read all of them, until the time is up."""
        self._has_ended = False
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            for number in range(LISTED):
                if time.monotonic() > self._until:
                    break
                title = f"{self._env.ledger.tag}/set-{self._number}-{number}"
                self._keys[title] = History(f"key {title}", Key())
                await together(CREATORS, partial(self._create, title))
            self._has_ended = True
        for title, answers in self._answers.items():
            answers.sort(key=lambda answer: answer.status != 201)
            self._env.ledger.created(title, answers[::-1])

    async def _create(self, title: str, client: int) -> None:
        caller, chance = Caller(self._env.deployment.port, address=f"127.0.3.{client + 1}"), random.Random(title)
        fields = {"Authorization": self._env.bearer(self._owner), "Idempotency-Key": title}
        message = request("POST", "/v1/tasks", {"task": {"title": title}}, **fields)
        until = self._until + 20
        while time.monotonic() < until:
            answer = await caller.send(message)
            self._env.ledger.enter("keyed", answer)
            self._answers[title].append(answer)
            name = answer.json["name"] if answer.status == 201 else UNKNOWN
            self._keys[title].add(("create",), answer, name)
            self._tasks.add(("add", title), answer, None)
            if answer.status == 201:
                break
            await asyncio.sleep(chance.uniform(0.05, 0.3))
        caller.close()

    async def _read(self) -> None:
        caller = Caller(self._env.deployment.port, address="127.0.3.100")
        message = request("GET", f"/v1/tasks?page_size={LISTED}", Authorization=self._env.bearer(self._owner))
        while not self._has_ended:
            answer = await caller.send(message)
            self._env.ledger.enter("list", answer)
            if answer.status == 200:
                tasks = [(task["title"], task["name"]) for task in answer.json["tasks"]]
                self._tasks.add(("read",), answer, [title for title, _ in tasks])
                names = dict(tasks)
                for title, history in self._keys.items():
                    history.add(("read",), answer, names.get(title))
            await asyncio.sleep(0.1)
        caller.close()


class _Tabs:
    """Two tabs of a browser that share the last refresh token that one of them has received."""

    def __init__(self, env: Environment, token: str, until: float) -> None:
        self._env, self._until, self._token = env, until, token
        self._history = History("session", Session(Chain(token)))
        self._sent = 0

    @property
    def histories(self) -> list[History]:
        """Return that of the session."""
        return [self._history]

    async def record(self) -> None:
        """Refresh until the time is up, or the session has ended."""
        await together(TABS, self._refresh)

    async def _refresh(self, number: int) -> None:
        caller, chance = Caller(self._env.deployment.port, address=f"127.0.4.{number + 1}"), random.Random(self._token)
        while time.monotonic() < self._until and self._sent < REFRESHES:
            self._sent += 1
            sent = self._token
            answer = await caller.send(request("POST", "/v1/tokens:refresh", {"refresh_token": sent}))
            following = answer.json["refresh_token"] if answer.status == 200 else None
            self._history.add(("refresh", sent), answer, following, statuses=(200, 401))
            if following:
                self._token = following
            elif answer.status == 401 and self._token == sent:
                break
            await asyncio.sleep(chance.uniform(0.2, 1.0))
        caller.close()


def _log_in(env: Environment, number: int) -> str:
    """Return the refresh token of a new session; the first one makes the account."""
    if number == 0:
        account = {"name": "A historian", "email": EMAIL}
        env.exchange(request("POST", "/v1/users", account, Connection="close"))
        [(token,)] = env.database.run(TOKEN, EMAIL)
        activation = {"token": token, "password": PASSWORD}
        env.exchange(request("POST", "/v1/users:activate", activation, Connection="close"))
    login = {"email": EMAIL, "password": PASSWORD}
    answer = env.exchange(request("POST", "/v1/tokens", login, Connection="close"))
    return str(answer.json["refresh_token"])
