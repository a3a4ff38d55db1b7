"""A Prometheus server that scrapes processes on this machine, with the recording rules and alerts of the project."""

import json
import math
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.config import ROOT

PROGRAM: Final = shutil.which("prometheus")
RULES: Final = ROOT / "deploy" / "prometheus"
STARTS_WITHIN: Final = 30.0
RATE_INTERVAL: Final = "20s"
"""The value of Grafana's ``$__rate_interval`` here, where each process is scraped every second."""
CONFIGURATION: Final = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
  external_labels: {{runbooks_url: "https://git.example.com/runbooks"}}
rule_files: [{rules}/recording.yml, {rules}/alerts.yml]
scrape_configs:
{jobs}
"""


@dataclass(frozen=True)
class Series:
    """One series of a result: its labels, and its values by time in seconds."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    def name(self, legend: str) -> str:
        """Return the legend with the values of labels, as Grafana shows it."""
        for label in ("job", "instance", *self.labels):
            legend = legend.replace(f"{{{{{label}}}}}", self.labels.get(label, ""))
        return legend


class Prometheus:
    """A running server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.began = time.time()

    def series(self, expression: str, *, is_range: bool) -> list[Series]:
        """Return the result of a query now, or from the start until now."""
        query = {"query": expression.replace("$__rate_interval", RATE_INTERVAL)}
        now = time.time()
        if is_range:
            answer = self._get("query_range", {**query, "start": str(self.began), "end": str(now), "step": "1"})
        else:
            answer = self._get("query", {**query, "time": str(now)})
        found = [Series(each["metric"], _points(each.get("values") or [each["value"]])) for each in answer["result"]]
        return [each for each in found if each.points]

    def is_ready(self) -> bool:
        """Return whether the server responds."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.loads(answer.read())["data"]


def _points(values: Sequence[tuple[float, str]]) -> list[tuple[float, float]]:
    points = [(float(at), float(value)) for at, value in values]
    return [(at, value) for at, value in points if math.isfinite(value)]


@contextmanager
def scraping(home: Path, port: int, jobs: Mapping[str, Sequence[int]]) -> Iterator[Prometheus]:
    """Run a server in a folder.

    Args:
        home: an empty folder for its files.
        port: the port to listen on.
        jobs: the metrics ports of each job.
    """
    targets = (
        f"  - {{job_name: {job}, static_configs: [{{targets: {[f'127.0.0.1:{each}' for each in ports]}}}]}}"
        for job, ports in jobs.items()
    )
    (home / "prometheus.yml").write_text(CONFIGURATION.format(rules=RULES, jobs="\n".join(targets)))
    command = [
        str(PROGRAM),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server, deadline = Prometheus(port), time.monotonic() + STARTS_WITHIN
        while not server.is_ready():
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait(30)
