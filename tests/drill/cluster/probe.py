"""A client of the service that begins a write and a read ten times a second, however long earlier ones take.

At the same time, other clients update one task and record its history.
"""

import asyncio
import itertools
import threading
import time
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.drill.http_client import Answer, Caller, Place, request
from tests.drill.load import Bearer, Ledger
from tests.drill.recorders import TaskClients

PACE: Final = 0.1
OWNER: Final = "prober"
ENDS_WITHIN: Final = 60.0
UPDATE_PACE: Final = 0.25


class Probe(NamedTuple):
    """A request of the prober."""

    kind: str
    began: float
    ended: float
    is_good: bool


class Prober:
    """Sends creations, each once, and reads of one task, in a separate thread from entering until leaving."""

    def __init__(self, place: Place, bearer: Bearer, ledger: Ledger) -> None:
        self._place, self._token, self._ledger = place, bearer(OWNER), ledger
        self._idle: list[Caller] = []
        self.probes: list[Probe] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)
        self._stop = threading.Event()
        self.task = TaskClients(
            place, bearer, ledger, f"{ledger.tag}/register", is_over=self._stop.is_set, pace=UPDATE_PACE
        )

    async def _work(self) -> None:
        tasks = {asyncio.create_task(self.task.record())}
        name = await self._first()
        for number in itertools.count():
            if self._stop.is_set():
                break
            for act in (self._write(number), self._read(name)):
                task = asyncio.create_task(act)
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(PACE)
        await asyncio.gather(*tasks)
        for caller in self._idle:
            caller.close()

    async def _first(self) -> str:
        while True:
            if name := await self._create(f"{self._ledger.tag}/first-{time.monotonic_ns()}"):
                return name
            await asyncio.sleep(PACE)

    async def _write(self, number: int) -> None:
        await self._create(f"{self._ledger.tag}/probe-{number}")

    async def _create(self, title: str) -> str:
        body, key = {"task": {"title": title}}, {"Idempotency-Key": title}
        answer = await self._send(request("POST", "/v1/tasks", body, Authorization=self._token, **key))
        self._note("keyed", answer, 201)
        return self._ledger.created(title, [answer])

    async def _read(self, name: str) -> None:
        self._note("get", await self._send(request("GET", f"/v1/{name}", Authorization=self._token)), 200)

    async def _send(self, message: bytes) -> Answer:
        caller = self._idle.pop() if self._idle else Caller(self._place)
        answer = await caller.send(message)
        self._idle.append(caller)
        return answer

    def _note(self, kind: str, answer: Answer, expected: int) -> None:
        self._ledger.enter(kind, answer)
        self.probes.append(Probe(kind, answer.began, answer.ended, answer.status == expected))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(ENDS_WITHIN)
        if self._thread.is_alive() and error is None:
            raise RuntimeError("the prober hangs")
