"""Rates, quantiles and the end of ``flask status``."""

import math
from datetime import UTC, datetime

import pytest
from flask import Flask

from app.cli.status import command
from app.cli.status.monitor import Monitor
from app.cli.status.rates import WINDOW, History, quantile
from app.cli.status.report import DatabaseStatus, Report
from app.cli.status.scrape import Scrape, ScrapeError, parsed
from app.config import Settings
from app.observability import logs

COUNT = "http_request_duration_seconds_count"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def scrape(at: float, **requests: int) -> Scrape:
    """Return a scrape with a number of requests for each status, such as ``s200=3``."""
    lines = [
        f'{COUNT}{{method="GET",route="/v1/tasks",status="{name[1:]}"}} {value}' for name, value in requests.items()
    ]
    return parsed("\n".join([f"# TYPE {COUNT.removesuffix('_count')} histogram", *lines, ""]), at)


def history(*scrapes: Scrape) -> History:
    found = History()
    for each in scrapes:
        found.add(each)
    return found


class TestHistory:
    def test_the_increase_of_one_scrape_is_its_value(self) -> None:
        assert history(scrape(0, s200=3, s503=1)).increase(COUNT, ("status",)) == {("200",): 3, ("503",): 1}

    def test_the_increase_of_two_scrapes_is_their_difference(self) -> None:
        assert history(scrape(0, s200=3), scrape(5, s200=10, s503=2)).increase(COUNT, ("status",)) == {
            ("200",): 7,
            ("503",): 2,
        }

    def test_a_restarted_instance_counts_from_zero(self) -> None:
        found = history(scrape(0, s200=100), scrape(20, s200=120), scrape(40, s200=4))
        assert found.increase(COUNT, ()) == {(): 24}

    def test_it_forgets_scrapes_outside_the_window_and_those_between_kept_ones(self) -> None:
        found = history(*(scrape(float(second), s200=second) for second in range(1000)))
        assert WINDOW - 20 <= found.seconds <= WINDOW
        assert len(found.scrapes) <= 33
        assert found.increase(COUNT, ()) == {(): found.seconds}


class TestQuantile:
    def test_it_is_interpolated_within_its_bucket(self) -> None:
        assert quantile(0.5, {0.1: 0, 0.2: 10, math.inf: 10}) == pytest.approx(0.15)

    def test_above_the_largest_bucket_it_is_the_bound(self) -> None:
        assert quantile(0.95, {0.1: 1, 5.0: 2, math.inf: 100}) == 5.0

    def test_without_requests_there_is_none(self) -> None:
        assert quantile(0.95, {math.inf: 0}) is None


class TestReport:
    def report(self, monitor: Monitor, **scrapes: Scrape | ScrapeError) -> Report:
        return monitor.report(scrapes, DatabaseStatus(), at=NOON)

    def test_an_instance_that_was_down_has_rates_from_its_second_scrape_on(self) -> None:
        monitor = Monitor()
        first = self.report(monitor, one=ScrapeError("Connection refused"))
        assert (first.instances[0].is_up, first.instances[0].problem) == (False, "Connection refused")
        assert self.report(monitor, one=scrape(10, s200=5)).instances[0].requests_per_second is None
        (third,) = self.report(monitor, one=scrape(20, s200=15, s500=10)).instances
        assert (third.requests_per_second, third.failures_per_second) == (2.0, 1.0)

    def test_the_most_failing_operation_is_first(self) -> None:
        (operation,) = self.report(Monitor(), one=scrape(0, s200=3, s500=1)).failing
        assert (operation.name, operation.requests, operation.failed_share) == ("GET /v1/tasks", 4, 0.25)


def test_a_text_in_another_format_is_an_error() -> None:
    with pytest.raises(ScrapeError, match="Prometheus text format"):
        parsed("<html>", 0)


def test_ctrl_c_ends_it_without_an_error_while_it_collects(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bool] = []

    def show(*_: object, redraws: bool, **__: object) -> None:
        shown.append(redraws)
        if len(shown) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "show", show)
    monkeypatch.setattr(Settings, "from_env", lambda: None)
    monkeypatch.setattr(logs, "set_level", lambda *_, **__: None)
    done = app.test_cli_runner().invoke(args=["status", "--interval", "0.5"])
    assert (done.exit_code, shown) == (0, [True, True]), done.output
