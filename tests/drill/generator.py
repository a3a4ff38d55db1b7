"""Sends requests at a constant rate, in a separate process: ``python -m tests.drill.generator``.

Reads an order as JSON from standard input and writes the tally to standard output. With ``rate`` 0, each of
``connections`` callers sends one request after another, which measures capacity; with port 0, the server runs in the
same process, which measures the generator.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from tests.drill.http_client import Answer, Caller, request
from tests.drill.verdicts import Verdict, judge

WRITES_EACH: Final = 5
"""One of this many requests creates a task."""
URGENCY: Final = -10
MOST: Final = 500
"""Connections of a process. A request that waits for one is sent late, instead of exhausting ports."""
ON_TIME: Final = 0.01
"""The share of requests that may be sent late; above it, the measurement shows the machine, generator included."""


@dataclass(frozen=True)
class Order:
    """The requests to send."""

    port: int
    token: str
    path: str
    mark: str
    seconds: float
    rate: float
    connections: int


@dataclass
class Tally:
    """The outcomes. Times are in seconds since the request was sent."""

    failures: Counter[str] = field(default_factory=Counter)
    good: list[float] = field(default_factory=list)
    rejected: list[float] = field(default_factory=list)
    created: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    late: int = 0
    """Requests that were sent more than 50 ms late: the generator was the bottleneck."""


class Generator:
    """Sends the requests of an order over as many connections as necessary, up to a bound."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._idle: list[Caller] = []
        self._free = asyncio.Semaphore(MOST)
        self._answers: list[tuple[str, Answer]] = []
        self._number = self._late = 0

    async def closed(self) -> None:
        """Send from a number of callers, each as soon as it has its response."""
        until = time.monotonic() + self._order.seconds

        async def insist() -> None:
            while time.monotonic() < until:
                await self._one(time.monotonic())

        await asyncio.gather(*(insist() for _ in range(self._order.connections)))

    async def open(self) -> None:
        """Send at the rate, without waiting for responses."""
        began, due = time.monotonic(), 0
        tasks = set[asyncio.Task[None]]()
        while (now := time.monotonic()) < began + self._order.seconds:
            while due < (now - began) * self._order.rate:
                task = asyncio.create_task(self._one(began + due / self._order.rate))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                due += 1
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    async def _one(self, due_at: float) -> None:
        self._number += 1
        number, order = self._number, self._order
        title = f"{order.mark}-{number}"
        is_write = number % WRITES_EACH == 0
        if is_write:
            message = request("POST", "/v1/tasks", {"task": {"title": title}}, Authorization=order.token)
        else:
            message = request("GET", order.path, Authorization=order.token)
        async with self._free:
            self._late += time.monotonic() - due_at > 0.05
            caller = self._idle.pop() if self._idle else Caller(order.port)
            self._answers.append((title if is_write else "", await caller.send(message)))
            self._idle.append(caller)

    def tally(self) -> Tally:
        """Judge all responses, after the last request was sent."""
        tally = Tally(late=self._late)
        is_on_time = self._late <= ON_TIME * self._number
        for title, answer in self._answers:
            judged = answer if is_on_time else replace(answer, ended=answer.began)  # the generator caused the lateness
            verdict, why = judge("unkeyed" if title else "get", judged)
            if verdict is Verdict.ANSWERED:
                tally.good.append(answer.seconds)
            elif verdict is Verdict.REJECTED:
                tally.rejected.append(answer.seconds)
            else:
                tally.failures[why] += 1
            if title and answer.status == 201:
                tally.created[title] = str(answer.json["name"])
            elif title:
                tally.unknown.append(title)
        return tally


class Echo(asyncio.Protocol):
    """Sends the same response to every request, for measuring the generator."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Send a response as long as one of the service."""
        status = b"201 CREATED" if data.startswith(b"POST") else b"200 OK"
        body = b'{"name":"tasks/x","description":"' + b"x" * 300 + b'"}'
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nETag: x\r\nX-Request-Id: 12345678\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)


async def carry_out(order: Order) -> Tally:
    """Send the requests of an order."""
    if order.port:
        generator = Generator(order)
        await (generator.open() if order.rate else generator.closed())
        return generator.tally()
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    tally = await carry_out(Order(**{**asdict(order), "port": port}))
    server.close()
    return tally


def main(order: str, write: Callable[[str], object]) -> None:
    """Read the order, send its requests and write the tally, at a high priority where permitted."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, URGENCY)
    write(json.dumps(vars(asyncio.run(carry_out(Order(**json.loads(order)))))))


if __name__ == "__main__":
    main(sys.stdin.read(), sys.stdout.write)
