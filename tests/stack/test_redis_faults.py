"""With any fault of Redis, requests are answered in time and within limits."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from typing import Any, Final

import pytest

from app.config import Settings
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.redis_server import Redis

LIMIT: Final = 30
WORKERS: Final = 2
LASTS: Final = 2.5
"""Seconds of load during a fault."""
BACK_WITHIN: Final = 10.0
_addresses: Final = (f"203.0.{n // 250}.{n % 250 + 1}" for n in count())


@dataclass
class Crowd:
    """Clients of one address that send requests without a pause, each on one connection after another."""

    port: int
    address: str = field(default_factory=lambda: next(_addresses))
    answers: list[tuple[float, int, float]] = field(default_factory=list)
    """For each response: when it was received (monotonic), its status, and the seconds it took."""

    def send(self) -> int:
        """Send one request."""
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/", headers={"X-Forwarded-For": self.address, "Accept": "application/json"})
        status = connection.getresponse().status
        connection.close()
        self.answers.append((time.monotonic(), status, time.monotonic() - began))
        return status

    @contextmanager
    def sending(self, clients: int = 6) -> Iterator[None]:
        """Send requests from several clients until the block ends."""
        stop = threading.Event()

        def go_on() -> None:
            while not stop.wait(0.02):
                self.send()

        threads = [threading.Thread(target=go_on) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(self.answers) >= 2 * clients, 10)
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def with_status(self, status: int) -> int:
        """Return the number of responses with this status."""
        return sum(each == status for _, each, _ in self.answers)

    def slowest_but_one_percent(self, since: float) -> float:
        """Return the 99th percentile of the response times after this moment."""
        taken = sorted(seconds for at, _, seconds in self.answers if at >= since)
        return taken[len(taken) * 99 // 100]


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    redis = Redis()
    with redis.server:
        yield redis


@pytest.fixture(scope="module")
def limited(settings: Settings, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with two workers that share a limit, for any number of invented addresses."""
    with serving(
        settings,
        tmp_path_factory.mktemp("limited") / "log",
        RATE_LIMIT=f"{LIMIT} per hour",
        REDIS_URL=redis.url,
        TRUSTED_PROXIES="127.0.0.1",
    ) as served:
        yield served


@dataclass
class Log:
    """The log entries of the workers about rate limits since the test began."""

    served: Served
    before: int

    def of(self, level: str) -> list[dict[str, Any]]:
        """Return the log entries of a level, without those of access."""
        lines = self.served.log.read_text()[self.before :].splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if each["level"] == level and each["logger"] == "candor.breakers"]


@pytest.fixture
def log(limited: Served) -> Log:
    return Log(limited, len(limited.log.read_text()))


def is_shared(limited: Served, redis: Redis) -> bool:
    """Return True if every one of many requests, on any worker, was counted in Redis."""
    crowd = Crowd(limited.port)
    statuses = [crowd.send() for _ in range(8)]
    assert set(statuses) == {200}
    return redis.counted(crowd.address) == len(statuses)


FAULTS: Final[list[Callable[[Redis], Any]]] = [Redis.killed, Redis.frozen, Redis.full, Redis.flushed]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_requests_succeed_during_any_fault_of_redis(
    limited: Served, redis: Redis, log: Log, fault: Callable[[Redis], Any]
) -> None:
    """No 5xx, p99 within 250 ms from the second second, limits within × workers, and recovery."""
    wait_until(lambda: is_shared(limited, redis), BACK_WITHIN)
    crowd = Crowd(limited.port)
    with crowd.sending():
        with fault(redis):
            began = time.monotonic()
            wait_until(lambda: time.monotonic() - began >= LASTS, 2 * LASTS)
            p99 = crowd.slowest_but_one_percent(began + 1)
        back = wait_until(lambda: is_shared(limited, redis), BACK_WITHIN)
    seen = f"{len(crowd.answers)} answers, {crowd.with_status(200)} let in, p99 {p99:.3f} s, back in {back:.1f} s"
    logging.getLogger("drill").warning("%s: %s", fault.__name__, seen)
    assert {status for _, status, _ in crowd.answers} == {200, 429}
    assert crowd.with_status(200) <= LIMIT * WORKERS
    assert p99 <= 0.25
    if fault is not Redis.flushed:
        assert 1 <= len(log.of("WARNING")) <= WORKERS
        assert len(log.of("INFO")) == len(log.of("WARNING"))
