"""A client of PostgreSQL that writes on a new connection each time: ``python -m tests.drill.cluster.oracle``.

Ten times a second it connects by ``DATABASE_URL`` and inserts a number. Each line of its output has an acknowledged
number, and the times at which the attempt began and ended, by the monotonic clock, which all processes share. The
oracle shares no code with the service, and measures the cost of the fault to the database.
"""

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import psycopg

PACE: Final = 0.1
MOST: Final = 40
"""Attempts at the same time. None is cancelled: a COMMIT that is cancelled could succeed at the primary alone."""
CONNECTS_WITHIN: Final = 2


class Acknowledged(NamedTuple):
    """An acknowledged write."""

    number: int
    began: float
    ended: float


async def watch(url: str, write: Callable[[str], object]) -> None:
    """Write until SIGTERM."""
    ended, tasks = asyncio.Event(), set[asyncio.Task[None]]()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    for number in itertools.count(time.monotonic_ns()):
        if ended.is_set():
            break
        if len(tasks) < MOST:
            task = asyncio.create_task(_attempt(url, number, write))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PACE)
    for task in tasks:
        task.cancel()


async def _attempt(url: str, number: int, write: Callable[[str], object]) -> None:
    began, warnings = time.monotonic(), list[str]()
    with suppress(psycopg.Error):
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=CONNECTS_WITHIN, prepare_threshold=None
        )
        async with connection:
            connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
            await connection.execute("INSERT INTO oracle (number) VALUES (%s)", (number,))
            if not warnings:  # such as: it is not replicated
                write(f"{number} {began:.4f} {time.monotonic():.4f}\n")


def parsed(text: str) -> list[Acknowledged]:
    """Return the acknowledged writes; an incomplete last line is not one."""
    lines = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [Acknowledged(int(number), float(began), float(ended)) for number, began, ended in lines]


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is a text file
    asyncio.run(watch(os.environ["DATABASE_URL"], sys.stdout.write))
