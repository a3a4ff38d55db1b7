"""Metrics, alerts and log fields."""

import re
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from app.observability import log_field_meanings, metric_label_meanings, metrics
from tests.docs.generate.markdown import PROPERTIES, code, document, link, table

TREE: Final = Path(__file__).resolve().parents[3]
ALERTS: Final = TREE / "deploy" / "prometheus" / "alerts.yml"
RECORDED: Final = TREE / "deploy" / "prometheus" / "recording.yml"
SUFFIX: Final = {"counter": "_total", "histogram": "", "gauge": ""}
MODES: Final = {
    "livesum": "sum of all live workers",
    "livemax": "highest value of the live workers",
    "livemin": "lowest value of the live workers",
    "livemostrecent": "most recent value of a live worker",
}


PORTS: Final = {
    "HTTP": "METRICS_PORT",
    "background jobs": "WORKER_METRICS_PORT",
    "gRPC": "RPC_METRICS_PORT",
}
"""The settings of the ports, by process."""


def page() -> str:
    """Return the page of metrics."""
    sections, overview = [], []
    for metric in collectors():
        name, kind = full_name(metric), str(metric._type)
        overview.append((link(code(name), "", name), kind, metric._documentation))
        labels = [(code(label), metric_label_meanings.meaning(metric._name, label)) for label in metric._labelnames]
        rows = [("Type", kind)]
        if isinstance(metric, Gauge):
            rows.append(("Across workers", MODES[metric._multiprocess_mode]))
        if isinstance(metric, Histogram):
            buckets = [f"{bound:g}" for bound in metric._upper_bounds if bound != float("inf")]
            rows += [
                ("Series", f"`{name}_bucket`, `{name}_count`, `{name}_sum`"),
                ("Buckets (seconds)", ", ".join(buckets)),
            ]
        text = f"## {name}\n\n{metric._documentation}\n\n" + table(PROPERTIES, rows)
        sections.append(text + (f"\n\n{table(('Label', 'Meaning'), labels)}" if labels else ""))
    return document(
        "Metrics",
        "app/observability/metrics.py",
        "Prometheus scrapes `/metrics` on these ports. Every label has a closed set of values: no value "
        f"that a client sends becomes a label. For rules over these metrics, see {link('Alerts', 'alerts.md')}.",
        table(
            ("Process", "Port"), [(program, link(code(port), "settings.md", port)) for program, port in PORTS.items()]
        ),
        table(("Metric", "Type", "Meaning"), overview),
        *sections,
        "## Recorded series\n\nThe recording rules in [`deploy/prometheus/recording.yml`](../../deploy/prometheus/recording.yml) add these series.\n\n"
        + table(("Series", "Expression"), [(code(name), code(expression)) for name, expression in recorded()]),
    )


def collectors() -> list[Counter | Gauge | Histogram]:
    """Return the metrics of the registry, in the order of the code."""
    found: dict[int, Counter | Gauge | Histogram] = {}
    for each in vars(metrics).values():
        if isinstance(each, Counter | Gauge | Histogram):
            found[id(each)] = each
    return list(found.values())


def full_name(metric: Counter | Gauge | Histogram) -> str:
    """Return the name as Prometheus stores it."""
    return str(metric._name) + SUFFIX[str(metric._type)]


def recorded() -> list[tuple[str, str]]:
    """Return the recording rules: name and expression."""
    rules = re.split(r"^ *- record: ", RECORDED.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [(rule.partition("\n")[0].strip(), _value(rule, "expr")) for rule in rules]


def _value(rule: str, key: str) -> str:
    found = re.search(rf"^( *){key}: (?:[>|]-?\n((?:\1 +.*\n?)+)|(.*))", rule, re.MULTILINE)
    return " ".join((found[2] or found[3] or "").strip().strip("\"'").split()) if found else ""


def alerts() -> list[dict[str, str]]:
    """Return the alerts: name, severity, fault, summary, expression and duration."""
    rules = re.split(r"^ *- alert: ", ALERTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = []
    for rule in rules:
        labels = dict(re.findall(r"(\w+): (\w+)", _value(rule, "labels").strip("{}")))
        named = {key: _value(rule, key) for key in ("expr", "for", "summary", "runbook_url")}
        found.append({"name": rule.partition("\n")[0].strip(), **labels, **named})
    return found


def runbook(name: str) -> str:
    """Return the file name of an alert's runbook."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() + ".md"


def alerts_page() -> str:
    """Return the page of alerts."""
    listed = alerts()
    overview = table(
        ("Alert", "Severity", "Responsible (`fault`)", "Runbook"),
        [
            (
                link(code(each["name"]), "", each["name"]),
                each["severity"],
                each.get("fault", "label of the series"),
                link(runbook(each["name"]), f"../runbooks/{runbook(each['name'])}"),
            )
            for each in listed
        ],
    )
    sections = [
        f"## {each['name']}\n\n{_plain(each['summary'])}\n\n"
        + table(
            PROPERTIES,
            [
                ("Severity", each["severity"]),
                ("Fires after", each["for"] or "the first evaluation"),
                ("Runbook", link(runbook(each["name"]), f"../runbooks/{runbook(each['name'])}")),
            ],
        )
        + f"\n\n```promql\n{each['expr']}\n```"
        for each in listed
    ]
    return document(
        "Alerts",
        "deploy/prometheus/alerts.yml",
        "The alert rules in [`deploy/prometheus/alerts.yml`](../../deploy/prometheus/alerts.yml). `page` means now, `ticket` "
        "means in working hours. Errors that clients cause do not alert. The objective is 99.9 % of requests in 30 days; see "
        f"{link('Service level objectives', '../policies/slo.md')}.",
        overview,
        *sections,
    )


def _plain(summary: str) -> str:
    text = re.sub(r"\{\{ \$value[^}]*\}\}", "N", summary)
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"`\1`", text)


def log_page() -> str:
    """Return the page of log fields and loggers."""
    return document(
        "Log fields",
        "app/observability/log_field_meanings.py",
        "The log is JSON on standard error, one object a line. Names, email addresses, passwords, tokens and bodies are never "
        "logged. A field without a value is absent.",
        "## Fields\n\n"
        + table(("Field", "Meaning"), [(code(name), text) for name, text in sorted(log_field_meanings.FIELDS.items())]),
        "## Loggers\n\n"
        + table(("Logger", "Entries"), [(code(name), text) for name, text in log_field_meanings.LOGGERS.items()]),
    )
