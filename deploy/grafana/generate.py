"""Write the dashboards as Grafana's classic JSON model (schema version 36): ``python -m deploy.grafana.generate``.

Grafana 10 and later import it. ``--check`` compares the files and writes nothing.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from app import errs, product

FOLDER: Final = Path(__file__).resolve().parent
DESCRIPTION: Final = FOLDER / "dashboards.toml"
SCHEMA_VERSION: Final = 36
COLUMNS, HEIGHT, WIDTH = 3, 8, 8
"""Panels in a row, and the size of a panel in units of Grafana's grid, which is 24 units wide."""
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True}
LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {"colorMode": "value", "graphMode": "none", "reduceOptions": LAST, "textMode": "value_and_name"},
    "bargauge": {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": LAST},
}
"""The options of each kind of panel. Kinds other than timeseries show the last value."""


def described() -> dict[str, Any]:
    """Return the description of all dashboards by name."""
    return tomllib.loads(DESCRIPTION.read_text(encoding="utf-8"))


def dashboard(name: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return one dashboard in Grafana's model."""
    return {
        "uid": f"{product.SLUG}-{name}",
        "title": f"{product.NAME}: {described['title']}",
        "description": described["description"],
        "tags": [product.SLUG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "links": [_dashboards_link()],
        "panels": [panel(number, each) for number, each in enumerate(described["panels"])],
    }


def _variables() -> list[dict[str, Any]]:
    address = "https://api.example.com"
    chosen = {"text": address, "value": address}
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0},
        {
            "name": "public_url",
            "label": "PUBLIC_URL of the service",
            "type": "textbox",
            "query": address,
            "current": chosen,
            "options": [{**chosen, "selected": True}],
            "hide": 0,
        },
    ]


def _dashboards_link() -> dict[str, Any]:
    return {
        "title": product.NAME,
        "type": "dashboards",
        "tags": [product.SLUG],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }


def panel(number: int, described: dict[str, Any]) -> dict[str, Any]:
    """Return one panel in its place on the grid."""
    kind = described["kind"]
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": kind,
        "title": described["title"],
        "description": described["description"],
        "datasource": DATASOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": DATASOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": kind != "timeseries",
                "range": kind == "timeseries",
            }
            for position, (legend, expression) in enumerate(described["queries"].items())
        ],
        "fieldConfig": {
            "defaults": {"unit": described["unit"], "min": 0},
            "overrides": [*map(_link, sorted(errs.named_errors()))] if described.get("links") else [],
        },
        "options": OPTIONS[kind],
    }


def _link(code: str) -> dict[str, Any]:
    """Return the link of the series of an error code to its page in the catalogue."""
    url = f"${{public_url}}/errors/{errs.slug(code)}"
    link = {"title": f"Catalogue: {code}", "url": url, "targetBlank": True}
    return {"matcher": {"id": "byName", "options": code}, "properties": [{"id": "links", "value": [link]}]}


def files() -> dict[Path, str]:
    """Return the text of each file by path."""
    return {
        FOLDER / "dashboards" / f"{name}.json": json.dumps(dashboard(name, each), indent=1, ensure_ascii=False) + "\n"
        for name, each in described().items()
    }


def main() -> int:
    """Write or check the files; return the exit status."""
    found = files()
    if "--check" in sys.argv[1:]:
        old = [path for path, text in found.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in old:
            sys.stdout.write(f"{path.name} is not current\n")
        return int(bool(old))
    for path, text in found.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(found)} dashboards written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
