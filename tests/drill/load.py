"""A steady load of every kind of request, in which each response is judged and each write is recorded."""

import asyncio
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.drill.history import Creation, Update, settled
from tests.drill.http_client import Answer, Caller, Place, request
from tests.drill.verdicts import Outcome, Verdict, judge, outcome

OWNERS: Final = 4
WRITES: Final = frozenset({"keyed", "unkeyed", "patch", "batch"})
PACE: Final = 0.15
"""Seconds between the beginnings of two consecutive requests of a client."""
PAUSE: Final = 0.3
"""Seconds between attempts to settle the remaining creations at the end."""
SETTLES_WITHIN: Final = 30.0
Bearer = Callable[[str], str]


class Entry(NamedTuple):
    """One request: its times, its response and the verdict."""

    kind: str
    began: float
    ended: float
    status: int
    verdict: Verdict
    why: str

    @property
    def seconds(self) -> float:
        """Return the seconds it took."""
        return self.ended - self.began


@dataclass
class Ledger:
    """All requests, responses and writes since the beginning of a fault; ``tag`` is the prefix of all their titles."""

    tag: str
    entries: list[Entry] = field(default_factory=list)
    creations: list[Creation] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    """The statuses of acknowledged writes, by request id."""

    def enter(self, kind: str, answer: Answer, *, fault: str = "") -> Verdict:
        """Judge a response and record it; ``fault`` is a fault that the caller found."""
        verdict, why = judge(kind, answer)
        if fault:
            verdict, why = Verdict.FAILED, fault
        if kind in WRITES and outcome(answer) is Outcome.ACKNOWLEDGED:
            self.acknowledged[answer.header("X-Request-Id")] = answer.status
        self.entries.append(Entry(kind, answer.began, answer.ended, answer.status, verdict, why))
        return verdict

    def created(self, title: str, answers: list[Answer]) -> str:
        """Record the outcome of a creation, and return the new task's name, if it has one."""
        last = answers[-1]
        code = str(last.json.get("code", "")) if 400 <= last.status < 500 else ""
        name = str(last.json["name"]) if last.status == 201 else ""
        self.creations.append(Creation(title, settled(answers), name, code))
        return name

    def of(self, *kinds: str, since: float = 0.0, until: float = float("inf")) -> list[Entry]:
        """Return the requests of these kinds (of all, when none is named) that began in a span of time."""
        return [each for each in self.entries if (not kinds or each.kind in kinds) and since <= each.began < until]


def version_of(answer: Answer) -> int:
    """Return the version that an entity tag of the service begins with, in hexadecimal digits."""
    found = re.match('"([0-9a-f]+)-', answer.header("ETag"))
    return int(found[1], 16) if found else 0


class Client:
    """A user with tasks, who sends one request after another."""

    def __init__(self, caller: Caller, token: str, ledger: Ledger, name: str) -> None:
        self._caller = caller
        self._token, self._ledger, self._name = token, ledger, name
        self._random = random.Random(name)
        self._tags: dict[str, str] = {}
        self._known: dict[str, int] = {}
        self._unsettled: dict[str, list[Answer]] = {}
        self._number = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send requests until stopped, then settle the unsettled creations."""
        acts = [self._get] * 4 + [self._list] + [self._keyed] * 2 + [self._unkeyed] * 2 + [self._patch] * 3
        await asyncio.sleep(self._random.uniform(0, PACE))
        while not stop.is_set():
            began = time.monotonic()
            await self._random.choice(acts)()
            await asyncio.sleep(max(0.0, began + PACE - time.monotonic()))
        await self._settle()
        self._caller.close()

    async def _get(self) -> None:
        if not self._known:
            return
        name = self._random.choice(list(self._known))
        answer = await self._caller.send(self._request("GET", f"/v1/{name}"))
        version = version_of(answer)
        is_stale = answer.status == 200 and version < self._known[name]  # read your writes
        stale = f"version {version} was read after {self._known[name]} was acknowledged" if is_stale else ""
        self._ledger.enter("get", answer, fault=stale)
        if answer.status == 200 and not is_stale:
            self._tags[name], self._known[name] = answer.header("ETag"), version

    async def _list(self) -> None:
        self._ledger.enter("list", await self._caller.send(self._request("GET", "/v1/tasks?page_size=5")))

    async def _unkeyed(self) -> None:
        title = self._mark()
        answer = await self._caller.send(self._request("POST", "/v1/tasks", {"task": {"title": title}}))
        self._ledger.enter("unkeyed", answer)
        self._keep(self._ledger.created(title, [answer]), answer)

    async def _keyed(self) -> None:
        """Create with a key; every other time, repeat a failed creation instead, as clients should."""
        is_new = not self._unsettled or self._random.random() < 0.5
        title = self._mark() if is_new else self._random.choice(list(self._unsettled))
        message = self._request("POST", "/v1/tasks", {"task": {"title": title}}, Idempotency_Key=title)
        answer = await self._caller.send(message)
        self._ledger.enter("keyed", answer)
        answers = [*self._unsettled.pop(title, []), answer]
        if answer.status == 201 or judge("keyed", answer)[0] is Verdict.FAILED:
            self._keep(self._ledger.created(title, answers), answer)
        else:
            self._unsettled[title] = answers

    async def _settle(self) -> None:
        """Repeat unsettled creations until they are settled, or the time is up."""
        until = time.monotonic() + SETTLES_WITHIN
        while self._unsettled and time.monotonic() < until:
            await asyncio.sleep(PAUSE)
            await self._keyed()
        for title, answers in self._unsettled.items():
            self._ledger.created(title, answers)

    async def _patch(self) -> None:
        """Set a description on the known version, or read the version."""
        if not self._tags:
            return await self._get()
        name, tag = self._random.choice(list(self._tags.items()))
        mark = self._mark()
        message = self._request("PATCH", f"/v1/{name}", {"description": mark}, If_Match=tag)
        answer = await self._caller.send(message)
        self._ledger.enter("patch", answer)
        self._ledger.updates.append(Update(name, mark, outcome(answer), version_of(answer)))
        if outcome(answer) is Outcome.ACKNOWLEDGED:
            self._tags[name], self._known[name] = answer.header("ETag"), version_of(answer)
        else:
            del self._tags[name]  # the next GET returns the current version
        return None

    def _keep(self, name: str, answer: Answer) -> None:
        if name:
            self._tags[name], self._known[name] = answer.header("ETag"), 1

    def _mark(self) -> str:
        self._number += 1
        return f"{self._ledger.tag}/{self._name}-{self._number}"

    def _request(self, method: str, path: str, body: object = None, **fields: str) -> bytes:
        return request(method, path, body, Authorization=self._token, **fields)


class Load:
    """A number of clients in a separate thread, from entering until leaving."""

    def __init__(self, place: Place, bearer: Bearer, ledger: Ledger, *, clients: int, name: str = "c") -> None:
        self._clients = [
            Client(Caller(place, address=f"127.0.1.{n + 1}"), bearer(f"owner-{n % OWNERS}"), ledger, f"{name}{n}")
            for n in range(clients)
        ]
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)

    async def _work(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        async with asyncio.TaskGroup() as group:
            for client in self._clients:
                group.create_task(client.run(self._stop))

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(2 * SETTLES_WITHIN)
        if self._thread.is_alive() and error is None:
            raise RuntimeError("a client of the load hangs")
