"""Clients that record the history of one task."""

import asyncio
import itertools
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from tests.drill.history import Update
from tests.drill.http_client import Caller, Place, request
from tests.drill.linearizability import Register
from tests.drill.load import Bearer, Ledger, version_of
from tests.drill.recorded import History
from tests.drill.verdicts import outcome

CLIENTS: Final = 6
OWNER: Final = "owner-0"
PACE: Final = 0.05
"""Seconds between two updates of a client, on average, and before the task is created again."""


class TaskClients:
    """Clients that read and update one task. Each description is written once and identifies a version."""

    def __init__(
        self,
        place: Place,
        bearer: Bearer,
        ledger: Ledger,
        title: str,
        *,
        is_over: Callable[[], bool],
        blind: float = 0.0,
        pace: float = PACE,
    ) -> None:
        """Store where and for how long to send; ``blind`` is the share of updates without a condition."""
        self._place, self._ledger, self._title, self._token = place, ledger, title, bearer(OWNER)
        self._is_over, self._blind, self._pace = is_over, blind, pace
        self._history = History("task", Register())

    @property
    def histories(self) -> list[History]:
        """Return that of the task."""
        return [self._history]

    async def record(self) -> None:
        """Create the task and update it until the time is over."""
        caller, name = Caller(self._place), ""
        for number in itertools.count():
            if name or self._is_over():
                break
            title = f"{self._title}-{number}"
            made = await caller.send(
                request("POST", "/v1/tasks", {"task": {"title": title}}, Authorization=self._token)
            )
            self._ledger.enter("unkeyed", made)
            name = self._ledger.created(title, [made])
            await asyncio.sleep(self._pace)
        caller.close()
        if name:
            await together(CLIENTS, lambda client: self._update(name, client))

    async def _update(self, name: str, client: int) -> None:
        caller, chance = Caller(self._place, address=f"127.0.2.{client + 1}"), random.Random(client)
        for number in itertools.count():
            if self._is_over():
                break
            read = await caller.send(request("GET", f"/v1/{name}", Authorization=self._token))
            self._ledger.enter("get", read)
            if read.status == 200:
                known = read.json["description"]
                self._history.add(("read",), read, known)
                is_blind = chance.random() < self._blind
                fields = {} if is_blind else {"If-Match": read.header("ETag")}
                mark = f"{self._title}-{client}-{number}"
                message = request("PATCH", f"/v1/{name}", {"description": mark}, Authorization=self._token, **fields)
                answer = await caller.send(message)
                self._ledger.enter("patch", answer)
                self._ledger.updates.append(Update(name, mark, outcome(answer), version_of(answer)))
                if is_blind:
                    self._history.add(("write", mark), answer, None)
                else:
                    self._history.add(("cas", known, mark), answer, answer.status == 200, statuses=(200, 412))
            await asyncio.sleep(chance.uniform(0, 2 * self._pace))
        caller.close()


async def together(times: int, act: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Run an action a number of times at once."""
    async with asyncio.TaskGroup() as group:
        for number in range(times):
            group.create_task(act(number))
