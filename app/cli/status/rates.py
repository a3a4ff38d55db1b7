"""Differences between two scrapes of an instance, and quantiles of histograms."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from app.cli.status.scrape import Labels, Scrape

WINDOW: Final = 300.0
"""Seconds over which rates are calculated, at most."""
SPACING: Final = 10.0
"""Seconds between two scrapes that are kept."""
Key = tuple[str, ...]


@dataclass(slots=True)
class History:
    """The scrapes of one instance in the window, the oldest first. The first display has one scrape, and no rates."""

    scrapes: list[Scrape] = field(default_factory=list)

    def add(self, scrape: Scrape) -> None:
        """Add the newest scrape, and drop those that are too old or too close together."""
        if len(self.scrapes) > 1 and self.scrapes[-1].at - self.scrapes[-2].at < SPACING:
            del self.scrapes[-1]
        self.scrapes = [each for each in self.scrapes if scrape.at - each.at <= WINDOW] + [scrape]

    @property
    def seconds(self) -> float:
        """Return the length of the observed time; 0 if there is one scrape."""
        return self.scrapes[-1].at - self.scrapes[0].at if self.scrapes else 0.0

    def increase(self, name: str, labels: tuple[str, ...], **only: str) -> dict[Key, float]:
        """Return the increase of a counter in the observed time, by the values of these labels.

        With one scrape, it is the value since the start of the instance.

        Args:
            name: the name of the samples.
            labels: the names of the labels to group by.
            only: the labels that a sample must have.
        """
        if len(self.scrapes) == 1:
            return grouped(self.scrapes[0].each(name, **only), labels)
        pairs = pairwise(self.scrapes)
        return merged(_difference(earlier, later, name, labels, only) for earlier, later in pairs)


def _difference(earlier: Scrape, later: Scrape, name: str, labels: tuple[str, ...], only: Labels) -> dict[Key, float]:
    """Return the increase between two scrapes. A smaller value is that of a restarted instance."""
    before = {frozenset(own.items()): value for own, value in earlier.each(name, **only)}
    grown = []
    for own, value in later.each(name, **only):
        previous = before.get(frozenset(own.items()), 0.0)
        grown.append((own, value - previous if value >= previous else value))
    return grouped(grown, labels)


def grouped(samples: Iterable[tuple[Labels, float]], labels: tuple[str, ...]) -> dict[Key, float]:
    """Return the sums of samples by the values of these labels; sums of zero are left out."""
    sums: defaultdict[Key, float] = defaultdict(float)
    for own, value in samples:
        if value:
            sums[tuple(own.get(each, "") for each in labels)] += value
    return dict(sums)


def merged(several: Iterable[Mapping[Key, float]]) -> dict[Key, float]:
    """Return the sums of several results by key."""
    sums: defaultdict[Key, float] = defaultdict(float)
    for each in several:
        for key, value in each.items():
            sums[key] += value
    return dict(sums)


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Return a quantile of a histogram, interpolated as PromQL's ``histogram_quantile`` does.

    Args:
        share: such as 0.95.
        buckets: the cumulative counts by upper bound, including infinity.
    """
    total = buckets.get(math.inf, 0.0)
    if not total:
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for bound in sorted(buckets):
        count = buckets[bound]
        if count >= rank:
            if math.isinf(bound) or count == below:
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower
