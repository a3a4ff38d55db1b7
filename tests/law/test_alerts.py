"""Alerts fire when they should and on nothing else, speak of metrics that there are, and lead to what to do."""

import re
import shutil
import subprocess

import pytest
from flask import Flask

from app import errs
from app.config import ROOT
from app.observability import metrics

RULES = ROOT / "deploy" / "prometheus"
ALERTS = (RULES / "alerts.yml").read_text()
EACH = re.split(r"^      - alert: ", ALERTS, flags=re.MULTILINE)[1:]
TESTS = ("tests.yml", "tests-of-days.yml")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (apt-get install prometheus)")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def promtool(*words: str) -> str:
    """Return what promtool says; it must be content."""
    done = subprocess.run([str(PROMTOOL), *words], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_every_alert_fires_when_it_should_and_on_nothing_else() -> None:
    assert promtool("test", "rules", *TESTS).count("SUCCESS") == len(TESTS)


@needs_promtool
def test_the_files_are_what_prometheus_reads() -> None:
    assert "17 rules found" in promtool("check", "rules", "recording.yml")
    assert f"{len(EACH)} rules found" in promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_every_alert_is_tested() -> None:
    names = {alert.partition("\n")[0] for alert in EACH}
    tests = "".join((RULES / name).read_text() for name in TESTS)
    fired = re.findall(r"alertname: (\w+)\n        exp_alerts:\n", tests)
    assert set(fired) == names


def test_they_speak_of_metrics_that_there_are(app: Flask) -> None:
    families = list(metrics.REGISTRY.collect())
    known = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]} | {"up"}
    expressions = re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", ALERTS + (RULES / "recording.yml").read_text())
    used = {
        name for one, other in expressions for name in re.findall(r"\b([a-z_]+)(?=[{\[]|\) ==|\) >|\) /)", one or other)
    }
    assert used - {"by", "on"} <= known
    assert len(used) > 10


@pytest.mark.parametrize("alert", EACH, ids=lambda alert: alert.partition("\n")[0])
def test_each_says_who_when_and_what_to_do(alert: str) -> None:
    name = alert.partition("\n")[0]
    assert re.search(r"severity: (page|ticket)", alert)
    assert re.search(r"fault: (service|dependency|capacity)", alert) or "errors_per_request" in alert
    link = re.search(r'runbook_url: "\{\{ \$externalLabels\.(\w+)_url \}\}(\S+)"', alert)
    assert link is not None
    readme = (ROOT / "README.md").read_text()
    if link[1] == "service":
        assert link[2].removeprefix("/errors/") in {errs.slug(code) for code in errs.named_errors()}
    else:
        headings = re.findall(r"^#+ (.+)$", readme, re.MULTILINE)
        assert link[2] in {"#" + heading.lower().replace(" ", "-") for heading in headings}
    assert f"`{name}`" in readme
