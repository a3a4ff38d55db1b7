"""The metrics of one instance, as its metrics port serves them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from app.clients.http.deadline_transport import Transport
from app.observability.metrics_endpoint import PATH
from app.resilience import deadline

TIMEOUT: Final = timedelta(seconds=2)
"""The limit of one scrape, including the connection and the body."""
MAX_BYTES: Final = 16 * 2**20
MAX_CONCURRENT: Final = 8
NAMES: Final = frozenset(
    {
        *("app_build_info", "breaker_rejections_total", "breaker_state", "breaker_transitions_total", "errors_total"),
        *("http_request_duration_seconds_bucket", "http_request_duration_seconds_count"),
        *("http_request_duration_seconds_sum", "http_requests_in_flight", "http_requests_shed_total"),
        *("http_requests_waiting", "jobs_total", "limiter_degraded", "pool_connections_in_use", "pool_connections_max"),
        *("pool_timeouts_total", "ready", "work_slots_in_use", "work_slots_max"),
    }
)
"""The samples that the report needs; all others are dropped."""
Labels = Mapping[str, str]


class ScrapeError(Exception):
    """An instance did not return metrics; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of one instance at one time (of the monotonic clock), by name."""

    at: float
    samples: Mapping[str, Sequence[tuple[Labels, float]]] = field(default_factory=dict)

    def each(self, name: str, **labels: str) -> Iterator[tuple[Labels, float]]:
        """Yield the samples of a name with these labels."""
        for own, value in self.samples.get(name, ()):
            if labels.items() <= own.items():
                yield own, value

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name with these labels."""
        return sum(value for _, value in self.each(name, **labels))


def parsed(text: str, at: float) -> Scrape:
    """Return the samples in the Prometheus text format.

    Raises:
        ScrapeError: the text has another format.
    """
    found: dict[str, list[tuple[Labels, float]]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in NAMES:
                    found.setdefault(sample.name, []).append((sample.labels, sample.value))
    except (ValueError, KeyError, IndexError):
        raise ScrapeError("the response is not in the Prometheus text format") from None
    return Scrape(at, found)


def scrape(target: str) -> Scrape:
    """Fetch the metrics of one instance.

    Args:
        target: host and port.

    Raises:
        ScrapeError: no metrics were received in time.
    """
    transport = Transport(connections=1, is_encrypted=False)
    try:
        with deadline.within(TIMEOUT), httpx2.Client(transport=transport, trust_env=False) as client:
            body = _fetched(client, f"http://{target}{PATH}")
    except httpx2.TimeoutException:
        raise ScrapeError(f"no response within {TIMEOUT.total_seconds():g} s") from None
    except httpx2.HTTPError as error:
        raise ScrapeError(_reason(error)) from None
    return parsed(body.decode(errors="replace"), time.monotonic())


def _fetched(client: httpx2.Client, url: str) -> bytes:
    body = bytearray()
    with client.stream("GET", url, headers={"Accept": "text/plain"}) as response:
        if response.status_code != httpx2.codes.OK:
            raise ScrapeError(f"the response has status {response.status_code}")
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ScrapeError("the response is too large")
    return bytes(body)


def _reason(error: BaseException) -> str:
    """Return the system's description of the first cause, such as ``Connection refused``."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.strerror:
            return link.strerror
        link = link.__cause__ or link.__context__
    return "the connection was closed" if isinstance(error, httpx2.RemoteProtocolError) else type(error).__name__


def scrape_all(targets: Sequence[str]) -> dict[str, Scrape | ScrapeError]:
    """Fetch the metrics of several instances concurrently; the error of an instance is its result."""

    def result(target: str) -> Scrape | ScrapeError:
        try:
            return scrape(target)
        except ScrapeError as error:
            return error

    with ThreadPoolExecutor(min(MAX_CONCURRENT, len(targets) or 1)) as pool:
        return dict(zip(targets, pool.map(result, targets), strict=True))
