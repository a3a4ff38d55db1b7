"""The service works while its log is not read, or while the log's disk is full."""

import json
import os
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest

from app.config import Settings
from tests.stack.conftest import Served, serving

REQUESTS: Final = 600
"""Requests with more log output than a pipe holds (64 KiB)."""


def statuses(served: Served, times: int) -> set[int]:
    """Return the statuses of a number of consecutive requests."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        return {_status(connection) for _ in range(times)}


def _status(connection: HTTPConnection) -> int:
    connection.request("GET", "/v1/tasks")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_an_unread_pipe_stops_nothing_and_the_log_resumes_when_it_is_read(settings: Settings) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with serving(settings, Path(f"/proc/self/fd/{writer}"), WEB_CONCURRENCY="1") as served:
        os.close(writer)
        assert statuses(served, REQUESTS) == {401}
        kept = _lines(reader)
        assert statuses(served, 1) == {401}
        told = _lines(reader)
    os.close(reader)
    lost = [int(line["message"].split()[0]) for line in [*kept, *told] if line["logger"] == "candor.logs"]
    mine = [line for line in kept + told if line.get("path") == "/v1/tasks"]
    assert sum(lost) + len(mine) + sum(line.get("path") == "/healthz" for line in kept) >= 2 * (REQUESTS + 1)
    assert lost
    assert [line["status"] for line in told if line["logger"] == "candor.access"] == [401]


def _lines(reader: int) -> list[dict[str, Any]]:
    """Return the lines that are in a pipe; each is whole."""
    read = b""
    try:
        while chunk := os.read(reader, 1 << 20):
            read += chunk
    except BlockingIOError:
        pass
    return [json.loads(line) for line in read.splitlines()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_stops_nothing(settings: Settings) -> None:
    with serving(settings, Path("/dev/full"), WEB_CONCURRENCY="1") as served:
        assert statuses(served, 20) == {401}
