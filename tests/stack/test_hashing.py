"""A burst of logins on a real gunicorn: other requests are still served."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from app.config import Settings
from tests.stack.conftest import Served, serving

LOGINS = 32
"""Simultaneous logins, each from its own network; repeated, as by clients that obey Retry-After."""
AT_MOST = 60  # seconds until half of the logins succeeded


def log_in(served: Served, number: int) -> int:
    """Try to log in, and return the status."""
    body = json.dumps({"email": f"nobody-{number}@example.com", "password": "correct horse"})
    fields = {"Content-Type": "application/json", "X-Forwarded-For": f"203.0.{number}.7"}
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("POST", "/v1/tokens", body, fields)
        return connection.getresponse().status


def test_reads_go_on(settings: Settings, tmp_path: Path, bearer: Callable[..., dict[str, str]]) -> None:
    """Logins above the limit are rejected and repeated a second later; all reads are answered."""
    limits = {"TRUSTED_PROXIES": "127.0.0.1", "TOKEN_RATE_LIMIT": "1000 per second"}
    with serving(settings, tmp_path / "log", **limits) as served:
        statuses: list[int] = []
        is_over = threading.Event()

        def burst(number: int) -> None:
            while not is_over.is_set():
                statuses.append(log_in(served, number))
                is_over.wait(1)

        logins = [threading.Thread(target=burst, args=(number,)) for number in range(LOGINS)]
        for each in logins:
            each.start()
        try:
            with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
                reads: list[int] = []
                end = time.monotonic() + AT_MOST
                while len(reads) < 50 or (statuses.count(401) < LOGINS // 2 and time.monotonic() < end):
                    connection.request("GET", "/v1/tasks", headers=bearer())
                    answer = connection.getresponse()
                    answer.read()
                    reads.append(answer.status)
        finally:
            is_over.set()
            for each in logins:
                each.join(20)
    assert {*reads} == {200}
    assert {*statuses} <= {401, 429, 503}
    assert 503 in statuses, "there were no more logins at once than are let in"
    assert statuses.count(401) >= LOGINS // 2
