"""The dashboards in ``deploy/grafana`` are those of their description, and valid in Grafana's model."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock

from app import errs
from app.config import ROOT
from app.observability import metrics
from deploy.grafana import generate

SCHEMA: Final = json.loads(Path(__file__).with_name("grafana_dashboard.schema.json").read_text())
FOLDER: Final = ROOT / "deploy" / "grafana" / "dashboards"
DRAWINGS: Final = ROOT / "docs" / "static" / "dashboards"
PAGE: Final = ROOT / "docs/operate/dashboards.md"
DASHBOARDS: Final = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
of_each: Final = pytest.mark.parametrize("name", DASHBOARDS)


def faults(dashboard: Any) -> list[str]:
    """Return the places that the schema rejects."""
    return [each.json_path for each in Draft202012Validator(SCHEMA).iter_errors(dashboard)]


def test_the_files_are_current() -> None:
    found = generate.files()
    assert {path: path.read_text() for path in FOLDER.iterdir()} == found, "python -m deploy.grafana.generate"


@of_each
def test_each_dashboard_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(DASHBOARDS[name]) == []


def _without_place(dashboard: Any) -> None:
    del dashboard["panels"][0]["gridPos"]


def _with_another_kind(dashboard: Any) -> None:
    dashboard["panels"][0]["type"] = "graph"


def _without_query(dashboard: Any) -> None:
    dashboard["panels"][0]["targets"][0]["expr"] = ""


def _with_an_unknown_property(dashboard: Any) -> None:
    dashboard["rows"] = []


@pytest.mark.parametrize("change", [_without_place, _with_another_kind, _without_query, _with_an_unknown_property])
def test_the_schema_rejects_invalid_dashboards(change: Callable[[Any], None]) -> None:
    dashboard = copy.deepcopy(DASHBOARDS["service"])
    change(dashboard)
    assert faults(dashboard)


@of_each
def test_panels_do_not_overlap_and_have_unique_ids(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({each["id"] for each in panels}) == len({each["title"] for each in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (each["gridPos"] for each in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@of_each
def test_queries_use_existing_metrics(name: str, app: Flask) -> None:
    families = list(metrics.REGISTRY.collect())
    known = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]} | {"up"}
    rules = (ROOT / "deploy" / "prometheus" / "recording.yml").read_text()
    known |= set(re.findall(r"record: (\S+)", rules))
    for panel in DASHBOARDS[name]["panels"]:
        for target in panel["targets"]:
            expression = re.sub(r'"[^"]*"|\b(?:by|on) \([^)]*\)|\[[^]]*\]', "", target["expr"])
            names = re.findall(r"[a-z0-9_:]*[_:][a-z0-9_:]*", re.sub(r"{[^}]*}", "", expression))
            assert set(names) - {"histogram_quantile"} <= known, panel["title"]


def test_each_link_leads_to_a_page_of_the_catalogue(client: FlaskClient) -> None:
    overrides = [
        override
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for override in panel["fieldConfig"]["overrides"]
    ]
    links = {each["matcher"]["options"]: each["properties"][0]["value"][0]["url"] for each in overrides}
    assert links.keys() == errs.named_errors().keys()
    for code, url in links.items():
        answer = client.get(url.removeprefix("${public_url}"), headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["code"]) == (200, code)


@of_each
def test_the_documentation_shows_each_dashboard(name: str) -> None:
    dashboard = DASHBOARDS[name]
    drawing = DRAWINGS / f"{dashboard['uid']}.svg"
    assert f"../static/dashboards/{drawing.name}" in PAGE.read_text()
    text = drawing.read_text()
    for panel in dashboard["panels"]:
        assert panel["title"].replace("'", "&#x27;")[:40] in text, "make dashboards"
