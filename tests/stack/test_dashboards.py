"""Each query of each dashboard has data: Prometheus scrapes two instances and a worker under load and during faults.

``make dashboards`` also writes the results as SVG for docs/operate/dashboards.md.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import make_url

from app.config import ROOT, Settings
from deploy.local.free_ports import free_port
from tests.dashboards.drawing import Line, drawn
from tests.dashboards.prometheus import PROGRAM, Prometheus, Series, scraping
from tests.fakes.network import Proxy
from tests.scrape import scraped
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.test_worker import workers
from tests.stack.traffic import traffic

Bearer = Callable[..., dict[str, str]]
DASHBOARDS: Final = [
    json.loads(path.read_text()) for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
]
PANELS: Final = {
    f"{dashboard['title']}: {panel['title']}": panel for dashboard in DASHBOARDS for panel in dashboard["panels"]
}
LOAD: Final = 15.0
"""Seconds of load before the fault, as many after it, and half as many during it."""
TASK: Final = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
STARTS_WITHIN: Final = 60.0
needs_prometheus: Final = pytest.mark.skipif(
    PROGRAM is None, reason="prometheus is not installed (apt-get install prometheus)"
)


class Recorded:
    """The results of all queries after the run."""

    def __init__(self, server: Prometheus) -> None:
        self.results = {
            (name, target["legendFormat"]): server.series(target["expr"], is_range=target["range"])
            for name, panel in PANELS.items()
            for target in panel["targets"]
        }

    def of(self, name: str) -> Mapping[str, list[Series]]:
        """Return the results of a panel by legend."""
        return {legend: found for (each, legend), found in self.results.items() if each == name}

    def lines(self, name: str) -> list[Line]:
        """Return all series of a panel with their names."""
        return [Line(each.name(legend), each.points) for legend, found in self.of(name).items() for each in found]


@pytest.fixture(scope="module")
def recorded(settings: Settings, bearer: Bearer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Run the system, cut one instance off from PostgreSQL for some seconds, and return the results."""
    home, url = tmp_path_factory.mktemp("dashboards"), make_url(settings.database_url)
    network = Proxy(str(url.host), url.port or 5432)
    behind = url.set(host="127.0.0.1", port=network.port).render_as_string(hide_password=False)
    ports = (free_port(), free_port())
    with ExitStack() as stack:
        farm = stack.enter_context(workers(settings, home))
        first = stack.enter_context(serving(settings, home / "first", METRICS_PORT=str(ports[0])))
        second = stack.enter_context(
            serving(settings, home / "second", METRICS_PORT=str(ports[1]), DATABASE_URL=behind, RATE_LIMIT="9999/hour")
        )
        jobs = {"candor": [*ports], "candor-worker": [farm.measure()]}
        farm.start()
        wait_until(lambda: all(map(responds, [*jobs["candor"], *jobs["candor-worker"]])), STARTS_WITHIN)
        server = stack.enter_context(scraping(home, free_port(), jobs))
        with traffic(first.port, bearer, clients=2):
            send_for(LOAD, second, bearer)
            farm.add("test.note", 20)
            farm.add("test.fail", 2)
            network.close()
            send_for(LOAD / 2, second, bearer)
            listener = socket.create_server(("127.0.0.1", network.port))
            network = Proxy(str(url.host), url.port or 5432, listener=listener)
            send_for(LOAD, second, bearer)
        yield Recorded(server)
    network.close()


def responds(port: int) -> bool:
    """Return whether a port serves metrics."""
    with suppress(OSError):
        return bool(scraped(port).samples)
    return False


def send_for(seconds: float, served: Served, bearer: Bearer) -> None:
    """Send successful requests, requests with every kind of client error, and readiness checks."""
    sent = [
        ("GET", "/readyz", None),
        ("GET", TASK, None),
        ("GET", "/v1/tasks?page_size=3", None),
        ("GET", "/v1/tasks?page_size=x", None),
        ("POST", "/v1/tasks", '{"task": {"tags": ["A", "b", "b"]}}'),
        ("GET", "/nowhere", None),
        ("PUT", "/v1/tasks", None),
    ]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for method, path, body in sent:
            with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
                connection.request(method, path, body, {**bearer(), "Content-Type": "application/json"})
                connection.getresponse().read()
        time.sleep(0.05)


@needs_prometheus
@pytest.mark.nightly
@pytest.mark.parametrize("name", PANELS)
def test_each_query_of_the_panel_has_data(recorded: Recorded, name: str) -> None:
    for legend, found in recorded.of(name).items():
        assert found, f"{legend} has no data"
        assert "{{" not in found[0].name(legend), f"{legend} has a label that the series do not have"


@needs_prometheus
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "largest"),
    [
        ("Candor: Dependencies: Circuit breakers", 1.0),
        ("Candor: Service: Instances that return metrics", 1.0),
        ("Candor: Jobs: Attempts by outcome", 0.01),
        ("Candor: Service: Errors per request by fault", 0.0001),
        ("Candor: Objective: availability: Burn rate of the error budget", 1.0),
    ],
)
def test_the_panel_shows_the_load_and_the_fault(recorded: Recorded, name: str, largest: float) -> None:
    assert max(value for line in recorded.lines(name) for _, value in line.points) >= largest


@needs_prometheus
@pytest.mark.nightly
def test_the_dashboards_can_be_drawn(recorded: Recorded, tmp_path: Path) -> None:
    """DASHBOARDS names the folder in which ``make dashboards`` keeps the drawings."""
    folder = Path(os.environ.get("DASHBOARDS") or tmp_path)
    folder.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        data = {
            panel["title"]: recorded.lines(f"{dashboard['title']}: {panel['title']}") for panel in dashboard["panels"]
        }
        image = drawn(dashboard, data)
        root = ET.fromstring(image)
        assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > len(dashboard["panels"])
        (folder / f"{dashboard['uid']}.svg").write_text(image)
