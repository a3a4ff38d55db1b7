"""One exporter per instance adds up the counters of all workers, across recycling and crashes."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from app.config import VERSION, Settings
from deploy.local.free_ports import free_port
from tests.scrape import Scrape, scraped
from tests.stack.checkout import command_of, process_table, wait_until
from tests.stack.conftest import Served, serving

Bearer = Callable[..., dict[str, str]]
COUNT: Final = "http_request_duration_seconds_count"
PROMTOOL: Final = shutil.which("promtool")


class Metered:
    """A service and its exporter."""

    def __init__(self, served: Served, port: int) -> None:
        self.served, self.port = served, port

    def scrape(self) -> Scrape:
        """Send a request to the exporter."""
        return scraped(self.port)

    def exporter(self) -> int | None:
        """Return the exporter's process id, if one serves."""
        pids = [pid for pid in self._children() if "exporter" in command_of(pid)]
        return pids[0] if pids else None

    @property
    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return [pid for pid in self._children() if "gunicorn" in command_of(pid)]

    def _children(self) -> list[int]:
        return [pid for pid, parent in process_table().items() if parent == self.served.pid]

    def send(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> int:
        """Return the status of the response."""
        with closing(HTTPConnection("127.0.0.1", self.served.port, timeout=30)) as connection:
            sent = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            answer.read()
            return answer.status


@pytest.fixture(scope="module")
def metered(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metered]:
    """Serve the application with two workers and an exporter."""
    port = free_port()
    with serving(settings, tmp_path_factory.mktemp("metered") / "log", METRICS_PORT=str(port)) as served:
        metered = Metered(served, port)
        wait_until(lambda: _answers(port), 20)
        yield metered


def _answers(port: int) -> bool:
    try:
        scraped(port)
    except OSError:
        return False
    return True


def load(metered: Metered, bearer: Bearer, count: int = 120) -> Counter[tuple[str, str]]:
    """Send requests of many kinds from several threads, and count the responses by method and status."""
    asks: list[tuple[str, str, object, dict[str, str]]] = [
        ("GET", "/v1/tasks?page_size=1", None, bearer()),
        ("GET", "/v1/tasks", None, {}),
        ("POST", "/v1/tasks", {"task": {"title": ""}}, bearer()),
        ("HEAD", "/healthz", None, {}),
        ("GET", f"/{random.random()}", None, {}),
        ("PUT", "/v1/tasks", {}, bearer()),
        ("GET", "/readyz", None, {}),
    ]

    def send_request(number: int) -> tuple[str, str]:
        method, path, body, headers = asks[number % len(asks)]
        return method, str(metered.send(method, path, body, headers))

    with ThreadPoolExecutor(4) as pool:
        return Counter(pool.map(send_request, range(count)))


class TestCounts:
    def test_they_match_a_load_generator_through_recycling_and_crashes(self, metered: Metered, bearer: Bearer) -> None:
        """One worker is killed, one is retired, and all are killed at once."""
        before, sent = metered.scrape(), Counter[tuple[str, str]]()

        def end(signum: signal.Signals) -> Callable[[], None]:
            return lambda: os.kill(metered.workers[0], signum)

        for blow in (end(signal.SIGKILL), end(signal.SIGTERM), lambda: os.kill(metered.served.pid, signal.SIGHUP)):
            sent += load(metered, bearer)
            old = set(metered.workers)
            blow()
            wait_until(lambda old=old: len(metered.workers) == 2 and set(metered.workers) != old, 20)  # type: ignore[misc]
        sent += load(metered, bearer)
        after = metered.scrape()
        assert after.total(COUNT) - before.total(COUNT) == sent.total() == 480
        for (method, status), times in sent.items():
            labels = {"method": method, "status": status}
            assert after.total(COUNT, **labels) - before.total(COUNT, **labels) == times
        refused = sum(times for (_, status), times in sent.items() if status >= "400")
        assert after.total("errors_total") - before.total("errors_total") == refused
        assert after.total("http_requests_in_flight") == 0
        # The pollers of a worker use a connection now and then.
        wait_until(lambda: metered.scrape().total("pool_connections_in_use") == 0, 10)

    @pytest.mark.nightly
    def test_they_match_while_workers_retire_one_after_the_other(
        self, settings: Settings, tmp_path: Path, bearer: Bearer
    ) -> None:
        """Each after about thirty requests, by max_requests."""
        port, retire = free_port(), "--max-requests 25 --max-requests-jitter 10"
        with serving(settings, tmp_path / "log", METRICS_PORT=str(port), GUNICORN_CMD_ARGS=retire) as served:
            metered = Metered(served, port)
            wait_until(lambda: _answers(port), 20)
            before, seen, sent = metered.scrape(), set(metered.workers), Counter[tuple[str, str]]()
            for _ in range(50):
                sent += load(metered, bearer, 24)
                seen |= set(metered.workers)
                if len(seen) >= 6:
                    break
            after = metered.scrape()
            assert len(seen) >= 6
            for (method, status), times in sent.items():
                labels = {"method": method, "status": status}
                assert after.total(COUNT, **labels) - before.total(COUNT, **labels) == times
            assert after.total(COUNT) - before.total(COUNT) == sent.total()

    def test_unfinished_requests_of_a_killed_worker_are_forgotten(self, metered: Metered, bearer: Bearer) -> None:
        head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
        head += f"Authorization: {bearer()['Authorization']}\r\n\r\n"
        old = set(metered.workers)
        with closing(socket.create_connection(("127.0.0.1", metered.served.port))) as waiting:
            waiting.sendall(head.encode())
            wait_until(lambda: metered.scrape().total("http_requests_in_flight") == 1, 10)
            for worker in old:
                os.kill(worker, signal.SIGKILL)
            wait_until(lambda: metered.scrape().total("http_requests_in_flight") == 0, 10)
        wait_until(lambda: len(metered.workers) == 2 and not set(metered.workers) & old, 20)

    def test_requests_that_the_server_rejects_are_counted_as_unmatched(self, metered: Metered) -> None:
        before = metered.scrape()
        assert metered.served.raw(b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n").startswith(b"HTTP/1.1 400")
        after, labels = metered.scrape(), {"route": "unmatched", "status": "400"}
        assert after.total(COUNT, **labels) - before.total(COUNT, **labels) == 1

    def test_nothing_that_a_client_makes_up_becomes_a_label(self, metered: Metered, bearer: Bearer) -> None:
        """The number of series stays the same."""

        def bombard(salt: str) -> None:
            for path in (f"/{salt}", f"/v1/tasks/{salt}", f"/errors/{salt}", f"/v1/tasks?{salt}={salt}", f"//{salt}"):
                for method in ("GET", "POST", f"X{salt}", salt):
                    metered.send(method, path, {salt: {salt: salt}}, bearer(salt))
            metered.served.raw(f"{salt}\r\n\r\n".encode())

        for salt in ("a1", "a2", "a3", "a4"):  # each worker gets each kind
            bombard(salt)
        before = metered.scrape()
        for salt in ("zz", "İ".encode().hex(), "0" * 200):
            bombard(salt)
        after = metered.scrape()
        assert after.samples.keys() == before.samples.keys()
        routes = after.labels(COUNT, "route")
        assert all(re.fullmatch(r"unmatched|/[a-z0-9_/:.<>]*", route) for route in routes), routes

    def test_the_values_of_all_workers_are_added_up(self, metered: Metered, settings: Settings) -> None:
        scrape = metered.scrape()
        assert scrape.total("pool_connections_max") == 2 * settings.database_pool_size
        assert scrape.total("work_slots_max") == 2 * (settings.database_pool_size - 1)
        assert scrape.labels("app_build_info", "version") == {VERSION}


class TestExporter:
    def test_it_answers_get_metrics_and_nothing_else(self, metered: Metered) -> None:
        url = f"http://127.0.0.1:{metered.port}"
        for method, path, status in (("GET", "/", 404), ("POST", "/metrics", 405), ("HEAD", "/metrics", 405)):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(urllib.request.Request(f"{url}{path}", method=method), timeout=5)
            assert caught.value.code == status
            assert caught.value.headers["Server"] == "candor"
            caught.value.close()

    @pytest.mark.parametrize(
        "accept", ["text/plain;version=new", "application/openmetrics-text;version=new", "*; q=.2"]
    )
    def test_an_unreadable_preference_is_answered_with_text(self, metered: Metered, accept: str) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{metered.port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")

    def test_it_returns_open_metrics_to_clients_that_prefer_it(self, metered: Metered) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{metered.port}/metrics")
        request.add_header("Accept", "application/openmetrics-text; version=1.0.0")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            assert answer.read().endswith(b"# EOF\n")

    @pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (apt-get install prometheus)")
    def test_promtool_finds_no_problem(self, metered: Metered) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{metered.port}/metrics", timeout=5) as answer:
            text = answer.read()
        done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_it_needs_no_worker(self, metered: Metered) -> None:
        workers = metered.workers
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        try:
            assert metered.scrape().total(COUNT) > 0
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGCONT)

    def test_it_has_no_secret_in_its_environment(self, metered: Metered) -> None:
        assert b"JWT_SECRET" not in Path(f"/proc/{metered.exporter()}/environ").read_bytes()

    def test_it_comes_back_when_it_is_killed(self, metered: Metered) -> None:
        killed, before = metered.exporter(), metered.scrape().total(COUNT)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: metered.exporter() not in {None, killed}, 10)
        assert metered.scrape().total(COUNT) == before

    @pytest.mark.nightly
    def test_a_suspended_exporter_does_not_delay_the_shutdown(self, settings: Settings, tmp_path: Path) -> None:
        """The master kills it in any state, and then exits."""
        port = free_port()
        with serving(settings, tmp_path / "log", METRICS_PORT=str(port)) as served:
            wait_until(lambda: _answers(port), 20)
            exporter = Metered(served, port).exporter()
            assert exporter is not None
            os.kill(exporter, signal.SIGSTOP)
        assert exporter not in process_table()

    def test_it_waits_for_its_port_and_the_service_does_not(self, settings: Settings, tmp_path: Path) -> None:
        """One log line gives the reason that there are no metrics, and one reports them available."""
        with closing(socket.create_server(("127.0.0.1", 0))) as holder:
            port = holder.getsockname()[1]
            with serving(settings, tmp_path / "log", METRICS_PORT=str(port)) as served:
                metered = Metered(served, port)
                wait_until(lambda: "no metrics are served" in served.log.read_text(), 10)
                assert metered.exporter() is None
                assert metered.send("GET", "/v1/tasks") == 401
                holder.close()
                wait_until(lambda: _answers(port), 20)
                assert metered.scrape().total(COUNT, route="/v1/tasks", status="401") == 1
                assert served.log.read_text().count("no metrics are served") == 1
                exporter = metered.exporter()
                assert exporter is not None
                os.kill(served.pid, signal.SIGKILL)
                wait_until(lambda: exporter not in process_table(), 5)
                wait_until(lambda: not _answers(port), 5)

    @pytest.mark.nightly
    def test_without_the_setting_there_is_no_exporter(self, settings: Settings, tmp_path: Path) -> None:
        with serving(settings, tmp_path / "log", METRICS_PORT="0") as served:
            assert Metered(served, 0).exporter() is None
