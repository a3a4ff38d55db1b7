"""Alerts fire exactly when they should, use existing metrics, and link to their runbooks."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock
from flask import Flask

from app.config import ROOT
from app.observability import metrics
from tests.docs.pages import blocks_of

pytestmark = pytest.mark.slow

RULES = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS = (RULES / "alerts.yml").read_text()
EACH = re.split(r"^      - alert: ", ALERTS, flags=re.MULTILINE)[1:]
TESTS = ("tests.yml", "tests-of-days.yml")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (apt-get install prometheus)")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def kebab(name: str) -> str:
    """Return the page name of an alert."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def promtool(*words: str) -> str:
    """Return the output of promtool, which must succeed."""
    done = subprocess.run([str(PROMTOOL), *words], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_every_alert_fires_exactly_when_it_should() -> None:
    assert promtool("test", "rules", *TESTS).count("SUCCESS") == len(TESTS)


@needs_promtool
def test_prometheus_accepts_the_files() -> None:
    assert "17 rules found" in promtool("check", "rules", "recording.yml")
    assert f"{len(EACH)} rules found" in promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


@needs_promtool
def test_the_receiver_of_an_opentelemetry_collector_has_the_jobs_of_prometheus(tmp_path: Path) -> None:
    """The configuration in docs/operate/monitor.md contains one of Prometheus, which promtool checks."""
    (block,) = [each for each in blocks_of("docs/operate/monitor.md") if each.first_line == "receivers:"]
    collector = yaml.safe_load(block.source)
    scraped = collector["receivers"]["prometheus"]["config"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(scraped))
    promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))
    own = yaml.safe_load((RULES / "prometheus.yml").read_text())["scrape_configs"]
    jobs = {each["job_name"]: each["static_configs"] for each in scraped["scrape_configs"]}
    assert jobs == {each["job_name"]: each["static_configs"] for each in own}
    (pipeline,) = collector["service"]["pipelines"].values()
    assert pipeline["receivers"] == [*collector["receivers"]]
    assert pipeline["exporters"] == [*collector["exporters"]]


def test_every_alert_is_tested() -> None:
    names = {alert.partition("\n")[0] for alert in EACH}
    tests = "".join((RULES / name).read_text() for name in TESTS)
    fired = re.findall(r"alertname: (\w+)\n        exp_alerts:\n", tests)
    assert set(fired) == names


def test_alerts_use_existing_metrics(app: Flask) -> None:
    families = list(metrics.REGISTRY.collect())
    known = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]} | {"up"}
    expressions = re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", ALERTS + (RULES / "recording.yml").read_text())
    used = {
        name for one, other in expressions for name in re.findall(r"\b([a-z_]+)(?=[{\[]|\) ==|\) >|\) /)", one or other)
    }
    assert used - {"by", "on"} <= known
    assert len(used) > 10


@pytest.mark.parametrize("alert", EACH, ids=lambda alert: alert.partition("\n")[0])
def test_each_alert_has_severity_fault_and_runbook(alert: str) -> None:
    name = alert.partition("\n")[0]
    severity = re.search(r"severity: (page|ticket)", alert)
    assert severity is not None
    assert re.search(r"fault: (service|dependency|capacity)", alert) or "errors_per_request" in alert
    links = re.findall(r'runbook_url: "\{\{ \$externalLabels\.runbooks_url \}\}/([a-z-]+)\.md"', alert)
    assert links == [kebab(name)]
    page = (RUNBOOKS / f"{links[0]}.md").read_text()
    assert page.startswith(f"# {name}\n\n**{severity[1].capitalize()}**")


def test_the_base_of_the_runbooks_is_in_one_place() -> None:
    used = set(re.findall(r"\$externalLabels\.(\w+)", ALERTS))
    assert used == {"runbooks_url"}
    assert "runbooks_url: https://" in (RULES / "prometheus.yml").read_text()
