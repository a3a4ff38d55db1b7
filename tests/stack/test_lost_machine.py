"""Two machines with an instance each, behind nginx over TCP: one vanishes, or loses the database.

Each machine is a network namespace on a bridge. A Unix socket would hide the silence of a lost machine.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import make_url

from app.config import Settings
from tests import response_checks
from tests.replication import Balancer
from tests.stack.deployment import ROOT, needs_nginx, reverse_proxy

IP: Final = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
CAN_NETWORK: Final = (
    IP is not None and os.geteuid() == 0 and not subprocess.run(["unshare", "--net", "true"], check=False).returncode
)
pytestmark = [
    needs_nginx,
    pytest.mark.skipif(not CAN_NETWORK, reason="needs root, to create network namespaces"),
    pytest.mark.nightly,
]
SUBNET: Final = f"10.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}"
BRIDGE: Final = f"cb{os.getpid() % 1_000_000}"
EJECTED: Final = 2.0
"""Seconds after which a lost machine must cost almost no request."""
RATE: Final = 15
"""Requests of each kind in a second."""
KINDS: Final = ("read", "keyed", "other")
Bearer = Callable[..., dict[str, str]]


def ip(*words: str) -> None:
    """Run the command ip."""
    subprocess.run([str(IP), *words], check=True, capture_output=True)


@dataclass
class Machine:
    """A network namespace with an instance, which reaches the database through its own balancer."""

    number: int
    database: Balancer
    name: str = field(init=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        """Create the namespace, and connect it to the bridge."""
        self.name, self.address = f"{BRIDGE}n{self.number}", f"{SUBNET}.{self.number + 10}"
        outside, inside = f"{BRIDGE}o{self.number}", "eth0"
        ip("netns", "add", self.name)
        ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", self.name)
        ip("link", "set", outside, "master", BRIDGE, "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", inside)
        self.connect(is_up=True)

    def connect(self, *, is_up: bool) -> None:
        """Connect the machine to the network, or disconnect it."""
        ip("-n", self.name, "link", "set", "eth0", "up" if is_up else "down")

    def close(self) -> None:
        """Delete the namespace."""
        ip("netns", "del", self.name)
        self.database.close()


@dataclass
class Site:
    """nginx in front of two machines."""

    port: int
    machines: tuple[Machine, Machine]

    def send(self, method: str, body: str | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Send a request for tasks, and return the status and the document."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, "/v1/tasks", body, headers | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, response_checks.strict(answer.read())


@contextmanager
def instance(machine: Machine, settings: Settings, log: Path) -> Iterator[None]:
    """Run the instance of a machine."""
    url = make_url(settings.database_url).set(host=f"{SUBNET}.1", port=machine.database.port)
    environ = os.environ | {
        "APP_ENV": "production",
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "DRAIN_SECONDS": "0",
        "HOST": machine.address,
        "JWT_SECRET": settings.jwt_secret,
        "METRICS_PORT": "0",
        "PORT": "8000",
        "PUBLIC_URL": "http://candor.test",
        "RATE_LIMIT": settings.rate_limit,
        "TRUSTED_PROXIES": f"{SUBNET}.1",
        "WEB_CONCURRENCY": "1",
    }
    command = [str(IP), "netns", "exec", machine.name, sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    with log.open("w") as stream:
        process = subprocess.Popen([*command, "wsgi:app"], cwd=ROOT, env=environ, stdout=stream, stderr=stream)
    try:
        until = time.monotonic() + 60
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"http://{machine.address}:8000/readyz", timeout=5).close()
                break
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def site(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return nginx in front of two machines."""
    folder, url = tmp_path_factory.mktemp("machines"), make_url(settings.database_url)
    folder.chmod(0o755)
    with ExitStack() as stack:
        ip("link", "add", BRIDGE, "type", "bridge")
        stack.callback(ip, "link", "del", BRIDGE)
        ip("addr", "add", f"{SUBNET}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        machines = []
        for number in (1, 2):
            database = Balancer((url.host or "", url.port or 5432), host=f"{SUBNET}.1")
            machines.append(stack.enter_context(closing(Machine(number, database))))
            stack.enter_context(instance(machines[-1], settings, folder / f"{number}.log"))
        addresses = f"{machines[0].address}:8000", f"{machines[1].address}:8000"
        port = stack.enter_context(reverse_proxy(folder, settings, addresses))
        yield Site(port, (machines[0], machines[1]))


class Load:
    """Requests of each kind at a constant rate, whether earlier ones have ended or not."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self.results: list[tuple[float, str, int, dict[str, Any]]] = []
        self._site, self._headers, self._is_over = site, headers, threading.Event()
        self._threads = [threading.Thread(target=self._send_all)]

    def __enter__(self) -> "Load":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for each in self._threads:
            each.join()

    def _send_all(self) -> None:
        for number in count():
            if self._is_over.wait(1 / RATE):
                break
            for kind in KINDS:
                thread = threading.Thread(target=self._send, args=(kind, f"{kind}-{number}-{id(self)}"))
                self._threads.append(thread)
                thread.start()

    def _send(self, kind: str, name: str) -> None:
        more = {"Idempotency-Key": f"key-{name}"} if kind == "keyed" else {}
        body = None if kind == "read" else json.dumps({"task": {"title": name}})
        began = time.monotonic()
        status, document = self._site.send("POST" if body else "GET", body, {**self._headers, **more})
        self.results.append((began, kind, status, document))

    def statuses(self, kind: str, since: float) -> Counter[int]:
        """Return the statuses of the requests of a kind that were sent since then."""
        return Counter(status for began, of, status, _ in self.results if of == kind and began >= since)


def test_a_machine_vanishes(site: Site, bearer: Bearer) -> None:
    with Load(site, bearer()) as load:
        time.sleep(1)
        site.machines[0].connect(is_up=False)
        lost_at = time.monotonic()
        time.sleep(8)
    site.machines[0].connect(is_up=True)
    for kind in KINDS:
        found = load.statuses(kind, lost_at + EJECTED)
        assert found.total() > 50
        assert sum(found[each] for each in found if each >= 500) <= found.total() / 100, (kind, found)
    unsent = [document for _, _, status, document in load.results if status == 504]
    assert all(document["spent_in"] == "service" for document in unsent)


def test_both_machines_vanish(site: Site, bearer: Bearer) -> None:
    """No byte was sent, therefore the response is 503, and may be sent again."""
    for each in site.machines:
        each.connect(is_up=False)
    try:
        time.sleep(0.5)
        for _ in range(4):
            for method, body in (("GET", None), ("POST", '{"task": {"title": "x"}}')):
                status, document = site.send(method, body, bearer())
                if status == 504:  # on a connection that was open before
                    assert method == "GET"
                    continue
                assert (status, document["code"], document["retryable"]) == (503, "SERVICE_UNAVAILABLE", True)
                assert "may have applied" not in document["detail"]
    finally:
        for each in site.machines:
            each.connect(is_up=True)
        time.sleep(1)


def test_one_instance_loses_the_database(site: Site, bearer: Bearer) -> None:
    """Its 503 is passed on: the other instance responds."""
    machine, place = site.machines[0], site.machines[0].database.target
    with Load(site, bearer()) as load:
        time.sleep(1)
        machine.database.cut(("127.0.0.1", 1))
        lost_at = time.monotonic()
        time.sleep(6)
    machine.database.target = place
    for kind in KINDS:
        found = load.statuses(kind, lost_at + EJECTED)
        assert found.total() > 50
        assert sum(found[each] for each in found if each >= 500) <= found.total() / 100, (kind, found)
