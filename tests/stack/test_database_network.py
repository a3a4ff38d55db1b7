"""PostgreSQL behind a bad network, and behind a name that no longer resolves."""

import os
import random
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import create_engine, make_url, text

from app.config import Settings
from tests import response_checks
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving, serving_by
from tests.stack.deployment import is_established

Bearer = Callable[..., dict[str, str]]
BUDGET: Final = 10.0
GRACE: Final = 0.5
POOLS: Final = 2 * 5
"""Database connections of two workers."""
CANCEL: Final = (80877102).to_bytes(4)
"""The bytes after the length in a CancelRequest, which has its own connection (PostgreSQL, "Message Formats")."""
ENOUGH: Final = 12
"""A number of requests of which each of two workers gets some."""
HOST: Final = "postgres.candor.test"


class BadNetwork:
    """Carries bytes to a server, late, one at a time, or not at all: each connection in its own two threads."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.delay = self.hiccup = 0.0
        self.rate = 0
        self.made = self.most = 0
        self._server = server
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._chance = random.Random(28)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def half_close(self) -> None:
        """Close the server's side of every connection; bytes that are sent to it vanish."""
        for client, server in self._pairs:
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
                server.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                pair = self._listener.accept()[0], socket.create_connection(self._server)
                if pair[0].recv(8, socket.MSG_PEEK)[4:] == CANCEL:
                    self._carry(*pair)
                    continue
                self._pairs = [each for each in self._pairs if each[0].fileno() != -1] + [pair]
                self.made += 1
                self.most = max(self.most, sum(is_established(client) for client, _ in self._pairs))
                for source, sink in (pair, pair[::-1]):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.delay + (self.hiccup if self._chance.random() < 0.05 else 0))
                while self.rate and data:
                    sink.sendall(data[:1])
                    data = data[1:]
                    time.sleep(1 / self.rate)
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request."""

    status: int
    seconds: float
    body: dict[str, Any]


def call(served: Served, headers: dict[str, str], method: str = "GET", body: str | None = None) -> Outcome:
    """Send a request for tasks, and check that its response is a valid problem document or a success."""
    began = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request(method, "/v1/tasks", body, headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = response_checks.strict(answer.read())
    assert answer.status < 500 or (said["status"], said["retryable"]) == (answer.status, True)
    return Outcome(answer.status, time.monotonic() - began, said)


@pytest.fixture(scope="module")
def network(settings: Settings) -> Iterator[BadNetwork]:
    """Return a network in front of the tests' database."""
    url = make_url(settings.database_url)
    with closing(BadNetwork((url.host or "127.0.0.1", url.port or 5432))) as network:
        yield network


@pytest.fixture(scope="module")
def distant(settings: Settings, network: BadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with the database behind it."""
    url = make_url(settings.database_url).set(host="127.0.0.1", port=network.port, query={"sslmode": "disable"})
    environment = {"DATABASE_URL": url.render_as_string(hide_password=False)}
    with serving(settings, tmp_path_factory.mktemp("distant") / "log", **environment) as served:
        yield served


@pytest.fixture(autouse=True)
def healed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave a network without faults, and a service that has noticed."""
    yield
    if "network" in request.fixturenames:
        network, served = request.getfixturevalue("network"), request.getfixturevalue("distant")
        network.delay = network.hiccup = network.rate = 0
        bearer = request.getfixturevalue("bearer")
        wait_until(lambda: {call(served, bearer()).status for _ in range(ENOUGH)} == {200}, 15)


def test_with_high_latency_and_loss_every_request_succeeds(
    network: BadNetwork, distant: Served, bearer: Bearer
) -> None:
    """A round trip takes 200 ms, and 200 ms more for one packet in twenty, the time of a retransmission.

    Four clients, because a worker has four slots and may get all of them: a fifth request finds no progress for
    0.2 s, and is rejected. Until a worker has measured a COMMIT, it may reject a third one at once.
    """
    network.delay, network.hiccup = 0.1, 0.2

    def one(number: int) -> Outcome:
        if number % 4:
            return call(distant, bearer())
        return call(distant, bearer(), "POST", f'{{"task": {{"title": "far away {number}"}}}}')

    for number in range(-4 * ENOUGH, 0, 4):
        assert one(number).status == 201
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one, range(24)))
    assert Counter(each.status for each in outcomes) == {200: 18, 201: 6}, [
        each for each in outcomes if each.status > 201
    ]
    assert max(each.seconds for each in outcomes) < BUDGET + GRACE
    assert network.most <= POOLS, "and no connection more than the pools have"


def test_byte_by_byte_no_request_exceeds_the_budget(network: BadNetwork, distant: Served, bearer: Bearer) -> None:
    network.rate = 1
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: call(distant, bearer() | {"Request-Timeout": "1"}), range(4)))
    assert {each.status for each in outcomes} <= {503, 504}
    assert 504 in {each.status for each in outcomes}
    assert max(each.seconds for each in outcomes) < 1 + GRACE


def test_reads_succeed_after_half_closed_connections(network: BadNetwork, distant: Served, bearer: Bearer) -> None:
    """The service repeats them on a new connection."""
    assert call(distant, bearer()).status == 200
    before = network.made
    network.half_close()
    outcomes = [call(distant, bearer()) for _ in range(6)]
    assert {each.status for each in outcomes} == {200}
    assert network.made > before


@dataclass
class Names:
    """The service's own /etc/hosts, and a resolver that never answers, for all other names."""

    hosts: Path
    known: str

    def forget(self) -> None:
        """Remove the name from the file, which leaves it to the resolver."""
        self.hosts.write_text("127.0.0.1 localhost\n")

    def remember(self) -> None:
        """Add the name again."""
        self.hosts.write_text(self.known)


@contextmanager
def silence() -> Iterator[None]:
    """Receive queries at 127.0.0.53, and never answer."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as resolver:
        try:
            resolver.bind(("127.0.0.53", 53))
        except OSError as taken:
            pytest.skip(f"takes 127.0.0.53, port 53: {taken}")
        yield


@pytest.fixture
def named(settings: Settings, tmp_path: Path) -> Iterator[tuple[Served, Names, datetime]]:
    """Serve with a database that is configured by name."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("requires root and unshare, for a separate /etc/hosts")
    names = Names(tmp_path / "hosts", f"127.0.0.1 localhost {HOST}\n")
    names.remember()
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    mounts = " && ".join(
        f"mount --bind '{tmp_path / name}' $(readlink -f /etc/{name})"
        for name in ("hosts", "resolv.conf", "nsswitch.conf")
    )
    since = datetime.now(UTC)
    launcher = ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")
    url = make_url(settings.database_url).set(host=HOST).render_as_string(hide_password=False)
    with silence(), serving_by(launcher, settings, tmp_path / "log", DATABASE_URL=url, WEB_CONCURRENCY="1") as served:
        yield served, names, since


def test_an_unresolvable_name_affects_new_connections_only(
    named: tuple[Served, Names, datetime], settings: Settings, bearer: Bearer
) -> None:
    """Open connections still serve requests; a request that needs a new one is rejected within the budget."""
    served, names, since = named
    assert call(served, bearer()).status == 200
    names.forget()
    outcomes = [call(served, bearer()) for _ in range(5)]
    assert {each.status for each in outcomes} == {200}
    end_sessions(settings, since)
    outcomes = [call(served, bearer() | {"Request-Timeout": "1"}) for _ in range(3)]
    assert {each.status for each in outcomes} <= {503, 504}
    assert max(each.seconds for each in outcomes) < 1 + GRACE
    names.remember()
    wait_until(lambda: call(served, bearer()).status == 200, 20)


def end_sessions(settings: Settings, since: datetime) -> None:
    """Terminate the sessions of the service that began since then, not those of other tests' servers."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'candor'"
    with engine.connect() as session:
        terminated = session.execute(text(f"{ended} AND backend_start >= :since"), {"since": since}).all()
    engine.dispose()
    assert terminated
