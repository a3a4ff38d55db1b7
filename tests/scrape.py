"""Metrics as a scraper reads them, and as this process counts them."""

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
        """Return the samples of these families."""
        found = cls()
        for family in families:
            for sample in family.samples:
                found.samples[sample.name, frozenset(sample.labels.items())] = sample.value
        return found

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of this name with these labels; further labels are allowed."""
        wanted = labels.items()
        return sum(value for (each, own), value in self.samples.items() if each == name and wanted <= own)

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label."""
        return {dict(own)[label] for (each, own) in self.samples if each == name and label in dict(own)}


def here(*names: str) -> Scrape:
    """Return the counts of this process: all of them, or the samples of these names, which is much faster."""
    registry = metrics.REGISTRY.restricted_registry(names) if names else metrics.REGISTRY
    return Scrape.of(text_string_to_metric_families(generate_latest(registry).decode()))


def scraped(port: int) -> Scrape:
    """Return the samples of an exporter."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return Scrape.of(text_string_to_metric_families(answer.read().decode()))


class Difference:
    """The growth of a sum."""

    by = 0.0


@contextmanager
def growth(name: str, **labels: str) -> Iterator[Difference]:
    """Measure the growth of a sum during the block."""
    difference, before = Difference(), here(name).total(name, **labels)
    yield difference
    difference.by = here(name).total(name, **labels) - before


FAILURES: Final = frozenset(
    {
        *("errors_total", "http_request_duration_seconds_count", "http_requests_shed_total", "panics_recovered_total"),
        *("undeclared_errors_total", "validation_violations_total", "dependency_errors_total"),
    }
)
"""Metrics that recording rules and alerts use."""


def grown(before: Scrape) -> set[str]:
    """Return those of ``FAILURES`` that have grown since then."""
    after = here()
    return {name for name in FAILURES if after.total(name) != before.total(name)}
