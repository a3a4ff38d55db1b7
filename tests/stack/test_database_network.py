"""PostgreSQL behind a bad network, and behind a name that is not resolved any more."""

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
"""Connections of two workers."""
CANCEL: Final = (80877102).to_bytes(4)
"""What follows the length in a CancelRequest, which has a connection of its own (PostgreSQL, "Message Formats")."""
ENOUGH: Final = 12
"""Requests of which each of two workers gets some."""
HOST: Final = "postgres.candor.test"


class BadNetwork:
    """Carries bytes to a server, late, drop by drop, or no longer: each connection in two threads of its own."""

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
        """Let nobody in any more."""
        self._listener.close()

    def half_close(self) -> None:
        """Have the server's side of every connection say that nothing more comes; what is sent to it vanishes."""
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
class Told:
    """How a request ended."""

    status: int
    seconds: float
    body: dict[str, Any]


def ask(served: Served, headers: dict[str, str], method: str = "GET", body: str | None = None) -> Told:
    """Send a request for tasks, and hold its answer against the oracle's notion of a problem."""
    began = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request(method, "/v1/tasks", body, headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = response_checks.strict(answer.read())
    assert answer.status < 500 or (said["status"], said["retryable"]) == (answer.status, True)
    return Told(answer.status, time.monotonic() - began, said)


@pytest.fixture(scope="module")
def network(settings: Settings) -> Iterator[BadNetwork]:
    """Return a network before the tests' database."""
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
    """Leave a network that carries everything at once, and a service that knows it."""
    yield
    if "network" in request.fixturenames:
        network, served = request.getfixturevalue("network"), request.getfixturevalue("distant")
        network.delay = network.hiccup = network.rate = 0
        bearer = request.getfixturevalue("bearer")
        wait_until(lambda: {ask(served, bearer()).status for _ in range(ENOUGH)} == {200}, 15)


def test_far_away_and_lossy_everything_is_answered(network: BadNetwork, distant: Served, bearer: Bearer) -> None:
    """200 ms there and back, and 200 more for one piece in twenty, as a packet that is sent again takes.

    Four clients, for a worker has four slots and may get all of them: a fifth would find that none of them moves for
    0.2 s, and be refused. Until a worker has seen how long a COMMIT takes, it may refuse a third one at once.
    """
    network.delay, network.hiccup = 0.1, 0.2

    def one(number: int) -> Told:
        if number % 4:
            return ask(distant, bearer())
        return ask(distant, bearer(), "POST", f'{{"task": {{"title": "far away {number}"}}}}')

    for number in range(-4 * ENOUGH, 0, 4):
        assert one(number).status == 201
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(one, range(24)))
    assert Counter(each.status for each in told) == {200: 18, 201: 6}, [each for each in told if each.status > 201]
    assert max(each.seconds for each in told) < BUDGET + GRACE
    assert network.most <= POOLS, "and no connection more than the pools have"


def test_byte_by_byte_nobody_waits_past_the_budget(network: BadNetwork, distant: Served, bearer: Bearer) -> None:
    network.rate = 1
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: ask(distant, bearer() | {"Request-Timeout": "1"}), range(4)))
    assert {each.status for each in told} <= {503, 504}
    assert 504 in {each.status for each in told}
    assert max(each.seconds for each in told) < 1 + GRACE


def test_of_half_closed_connections_reads_take_no_notice(network: BadNetwork, distant: Served, bearer: Bearer) -> None:
    """They are tried again on a fresh one."""
    assert ask(distant, bearer()).status == 200
    before = network.made
    network.half_close()
    told = [ask(distant, bearer()) for _ in range(6)]
    assert {each.status for each in told} == {200}
    assert network.made > before


@dataclass
class Names:
    """What a service that sees its own /etc knows of names, and a resolver that never answers for all others."""

    hosts: Path
    known: str

    def forget(self) -> None:
        """Leave the name to the resolver."""
        self.hosts.write_text("127.0.0.1 localhost\n")

    def remember(self) -> None:
        """Let it be known again."""
        self.hosts.write_text(self.known)


@contextmanager
def silence() -> Iterator[None]:
    """Take what is asked of 127.0.0.53, and never answer."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as resolver:
        try:
            resolver.bind(("127.0.0.53", 53))
        except OSError as taken:
            pytest.skip(f"takes 127.0.0.53, port 53: {taken}")
        yield


@pytest.fixture
def named(settings: Settings, tmp_path: Path) -> Iterator[tuple[Served, Names, datetime]]:
    """Serve with a database that is known by name."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("takes root and unshare, for an /etc/hosts of its own")
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


def test_a_name_that_is_not_resolved_any_more_costs_what_is_new_only(
    named: tuple[Served, Names, datetime], settings: Settings, bearer: Bearer
) -> None:
    """Connections that are there go on serving; who needs a new one is refused within the budget."""
    served, names, since = named
    assert ask(served, bearer()).status == 200
    names.forget()
    told = [ask(served, bearer()) for _ in range(5)]
    assert {each.status for each in told} == {200}
    end_sessions(settings, since)
    told = [ask(served, bearer() | {"Request-Timeout": "1"}) for _ in range(3)]
    assert {each.status for each in told} <= {503, 504}
    assert max(each.seconds for each in told) < 1 + GRACE
    names.remember()
    wait_until(lambda: ask(served, bearer()).status == 200, 20)


def end_sessions(settings: Settings, since: datetime) -> None:
    """Terminate the sessions of the service that began since then: its own, not those of other tests' servers."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'candor'"
    with engine.connect() as session:
        told = session.execute(text(f"{ended} AND backend_start >= :since"), {"since": since}).all()
    engine.dispose()
    assert told
