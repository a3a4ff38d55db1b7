"""``flask status`` of real instances under load, one of which loses its database, and is killed later."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final

import pytest
from sqlalchemy import create_engine, make_url, text

from app.config import VERSION, Settings
from deploy.local.free_ports import free_port
from tests.docs.pages import blocks_of
from tests.fakes.network import Proxy
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import ROOT
from tests.stack.traffic import traffic

Bearer = Callable[..., dict[str, str]]
PAGE: Final = "docs/operate/monitor.md"
WITHIN: Final = 60.0
ROUTE: Final = "/v1/tasks/<id:task_id>"
TASK: Final = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


@dataclass
class System:
    """Two instances and their metrics ports; the network of the second to PostgreSQL can be closed."""

    first: Served
    second: Served
    ports: tuple[int, int]
    network: Proxy
    server: tuple[str, int]
    environment: dict[str, str]

    def command(self, *options: str, **environment: str) -> tuple[list[str], dict[str, str]]:
        """Return the command line of ``flask status`` and its environment."""
        return [sys.executable, "-m", "flask", "status", *options], {**os.environ, **self.environment, **environment}

    def once(self, *options: str, **environment: str) -> str:
        """Return the output of ``flask status --once``."""
        argv, environ = self.command("--once", *options, **environment)
        done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=WITHIN, check=True)
        assert done.stderr == ""
        return done.stdout

    def reopen(self) -> None:
        """Let the second instance reach PostgreSQL again. It then stores the failures that it has kept in memory."""
        host, port = self.server
        self.network = Proxy(host, port, listener=socket.create_server(("127.0.0.1", self.network.port)))

    def instance(self, number: int) -> str:
        """Return the name of an instance in the table."""
        return f"127.0.0.1:{self.ports[number]}"


@pytest.fixture(scope="module")
def system(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Serve two instances, each with an exporter."""
    home = tmp_path_factory.mktemp("status")
    url = make_url(settings.database_url)
    server = (str(url.host), url.port or 5432)
    network = Proxy(*server)
    second_url = url.set(host="127.0.0.1", port=network.port).render_as_string(hide_password=False)
    ports = (free_port(), free_port())
    with ExitStack() as stack:
        first = stack.enter_context(serving(settings, home / "first", METRICS_PORT=str(ports[0])))
        more = {"METRICS_PORT": str(ports[1]), "DATABASE_URL": second_url, "RATE_LIMIT": "100000 per hour"}
        second = stack.enter_context(serving(settings, home / "second", **more))
        environment = {
            "DATABASE_URL": settings.database_url,
            "JWT_SECRET": settings.jwt_secret,
            "METRICS_TARGETS": f"127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}",
        }
        wait_until(lambda: all(map(listens, ports)), WITHIN)
        system = System(first, second, ports, network, server, environment)
        yield system
        system.network.close()


@pytest.fixture
def dead_job(settings: Settings) -> Iterator[None]:
    """Store a dead job and a waiting one."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        added = "INSERT INTO jobs (kind, payload, state) VALUES ('test.status', '{}', 2), ('test.status', '{}', 1)"
        connection.execute(text(added))
        yield
        connection.execute(text("DELETE FROM jobs WHERE kind = 'test.status'"))
        connection.execute(text("DELETE FROM failures"))
    engine.dispose()


def listens(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
        return True
    return False


def get(served: Served, path: str, headers: dict[str, str]) -> int:
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def row(table: str, name: str) -> list[str]:
    """Return the cells of the row that begins with a name."""
    found = re.search(rf"^{re.escape(name)}( {{2,}}.*)?$", table, re.MULTILINE)
    assert found, table
    return re.split(r" {2,}", found[0])


def failed(table: str) -> int:
    """Return the number of 5xx responses of the route in the section of failing operations."""
    section = table.partition("MOST FAILING")[2].partition("\n\n")[0]
    return int(row(section, f"GET {ROUTE}")[5]) if ROUTE in section else 0


class Tables:
    """The tables that a running ``flask status`` prints into a pipe."""

    def __init__(self, system: System, *options: str) -> None:
        argv, environ = system.command("--interval", "1", *options)
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Tables":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def next(self) -> str:
        """Return the next table; an empty line after a line of the last section ends it."""
        assert self.process.stdout
        lines, is_last = list[str](), False
        for line in self.process.stdout:
            is_last = is_last or line.startswith("STORED 5XX")
            if is_last and line == "\n":
                return "".join(lines)
            lines.append(line)
        pytest.fail(f"flask status ended: {self.process.communicate()[1]}")

    def until(self, is_wanted: Callable[[str], bool]) -> str:
        """Return the first table that a test wants."""
        deadline, table = time.monotonic() + WITHIN, ""
        while time.monotonic() < deadline:
            if is_wanted(table := self.next()):
                return table
        pytest.fail(f"no such table: {table}")

    def stop(self) -> str:
        """Stop the command as Ctrl-C does; return its standard error, after checking its exit status."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=WITHIN)
        assert self.process.returncode == 0, errors
        return errors


class TestStatus:
    def test_once_ends_after_one_table(self, system: System) -> None:
        table = system.once()
        assert "\x1b" not in table
        assert row(table, system.instance(1))[1] == "up"

    def test_the_documentation_has_the_columns_of_the_table(self, system: System) -> None:
        table = system.once()
        (example,) = [each.source for each in blocks_of(PAGE) if each.first_line.startswith("Candor, ")]
        titles = [re.split(r" {2,}", line) for line in example.splitlines() if line.isupper()]
        shown = [re.split(r" {2,}", line) for line in table.splitlines()]
        assert len(titles) == 3
        assert all(each in shown for each in titles)

    def test_json_has_the_same_facts_as_the_table(self, system: System, bearer: Bearer) -> None:
        for _ in range(3):
            assert get(system.first, TASK, bearer()) == 404
        document = json.loads(system.once("--json"))
        first, second = document["instances"]
        assert (first["target"], first["is_up"], first["version"]) == (system.instance(0), True, VERSION)
        assert second["requests_per_second"] is None
        assert document["database"]["server"]["version"][0].isdigit()
        (operation,) = [each for each in document["slowest"] if each["name"] == f"GET {ROUTE}"]
        assert (operation["requests"], operation["failed"]) == (3, 0)

    def test_an_unreachable_database_and_a_port_without_metrics_are_rows(self, system: System) -> None:
        targets = f"127.0.0.1:{system.first.port} 127.0.0.1:{free_port()}"
        nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
        table = system.once(METRICS_TARGETS=targets, DATABASE_URL=nowhere)
        assert row(table, f"127.0.0.1:{system.first.port}")[-1] == "the response has status 404"
        assert "Connection refused" in row(table, "-")[-1]
        assert "STORED 5XX of the last 5 min: unknown" in table
        assert "BREAKER: unknown" in table

    @pytest.mark.nightly
    def test_a_suspended_exporter_is_a_row_in_time(self, system: System) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            port = silent.getsockname()[1]
            table = system.once(METRICS_TARGETS=f"127.0.0.1:{port} {system.instance(0)}")
        assert row(table, f"127.0.0.1:{port}")[-1] == "no response within 2 s"
        assert row(table, system.instance(0))[1] == "up"

    def test_without_targets_it_reads_the_ports_of_this_machine_that_respond(self, system: System) -> None:
        port = str(system.ports[0])
        table = system.once(METRICS_TARGETS="", METRICS_PORT=port, WORKER_METRICS_PORT=str(free_port()))
        instances = table.partition("INSTANCE")[2].partition("POSTGRESQL")[0]
        assert [line.split()[1] for line in instances.strip().splitlines()[1:]] == ["up"]

    @pytest.mark.nightly
    def test_a_terminal_is_redrawn_in_its_size(self, system: System) -> None:
        argv, environ = system.command("--interval", "0.5", LINES="10", COLUMNS="60")
        terminal, other = pty.openpty()
        process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=other, stderr=subprocess.PIPE)
        os.close(other)
        try:
            shown = screens(terminal, 2)
        finally:
            process.send_signal(signal.SIGINT)
            os.close(terminal)
            process.communicate(timeout=WITHIN)
        for screen in shown:
            lines = re.sub(r"\x1b\[[KJ]", "", screen).splitlines()
            assert len(lines) <= 10
            assert all(len(line) <= 60 for line in lines)
            assert lines[0].startswith("Candor, ")

    def test_it_shows_a_system_under_load_with_a_failing_dependency_and_a_killed_instance(
        self, system: System, bearer: Bearer, dead_job: None
    ) -> None:
        with Tables(system) as tables, traffic(system.first.port, bearer, clients=2):
            first = tables.next()
            assert row(first, system.instance(0))[1:5] == ["up", VERSION, sys.version.split()[0], "-"]
            assert "MOST FAILING OPERATIONS since the start of each instance" in first
            assert row(first, "test.status")[1:3] == ["1", "1"]

            busy = tables.until(lambda table: "of the last " in table.partition("STORED 5XX")[0])
            assert float(row(busy, system.instance(0))[4]) > 0
            assert float(row(busy, "POST /v1/tasks")[2]) > 0
            assert row(busy, "POST /v1/tasks")[3].endswith(" ms")

            system.network.close()
            for _ in range(30):
                assert get(system.second, TASK, bearer()) in {503, 504}
            failing = tables.until(lambda table: "open" in row(table, "database") and failed(table) >= 30)
            assert row(failing, "database")[-1] == system.instance(1)
            system.reopen()
            tables.until(
                lambda table: any({"SERVICE_UNAVAILABLE", ROUTE} <= {*line.split()} for line in table.splitlines())
            )
            os.kill(system.second.pid, signal.SIGKILL)
            gone = tables.until(lambda table: row(table, system.instance(1))[1] == "down")
            assert row(gone, system.instance(1))[-1] == "Connection refused"
            assert row(gone, system.instance(0))[1] == "up"
            assert tables.stop() == ""
        assert "\x1b" not in first + busy + failing + gone


def screens(terminal: int, count: int) -> list[str]:
    """Read whole screens; each begins at the upper left corner."""
    received, deadline = b"", time.monotonic() + WITHIN
    while received.count(b"\x1b[H") <= count and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            received += os.read(terminal, 65536)
    return received.decode().split("\x1b[H")[1 : count + 1]
