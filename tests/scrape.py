"""Metrics as a scraper reads them, and as this process has them."""

import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.observability import metrics

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Scrape:
    """Every sample, by its name and labels."""

    samples: Series = field(default_factory=dict)

    @classmethod
    def of(cls, families: Iterable[Metric]) -> "Scrape":
        """Return what these families say."""
        found = cls()
        for family in families:
            for sample in family.samples:
                found.samples[sample.name, frozenset(sample.labels.items())] = sample.value
        return found

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of this name that have these labels, perhaps among others."""
        wanted = labels.items()
        return sum(value for (each, own), value in self.samples.items() if each == name and wanted <= own)

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values that a label has."""
        return {dict(own)[label] for (each, own) in self.samples if each == name and label in dict(own)}


def here(*names: str) -> Scrape:
    """Return what this process has counted: everything, or the samples of these names, which is much faster."""
    registry = metrics.REGISTRY.restricted_registry(names) if names else metrics.REGISTRY
    return Scrape.of(text_string_to_metric_families(generate_latest(registry).decode()))


def scraped(port: int) -> Scrape:
    """Return what an exporter says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return Scrape.of(text_string_to_metric_families(answer.read().decode()))


class Difference:
    """How much a sum has grown."""

    by = 0.0


@contextmanager
def growth(name: str, **labels: str) -> Iterator[Difference]:
    """Measure how much this process counts meanwhile."""
    difference, before = Difference(), here(name).total(name, **labels)
    yield difference
    difference.by = here(name).total(name, **labels) - before


FAILURES: Final = frozenset(
    {
        *("errors_total", "http_request_duration_seconds_count", "http_requests_shed_total", "panics_recovered_total"),
        *("undeclared_errors_total", "validation_violations_total", "dependency_errors_total"),
    }
)
"""What recording rules and alerts are made of."""


def grown(before: Scrape) -> set[str]:
    """Return those of ``FAILURES`` that this process has counted since then."""
    after = here()
    return {name for name in FAILURES if after.total(name) != before.total(name)}
