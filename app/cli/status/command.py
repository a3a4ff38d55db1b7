"""``flask status``: prints the status of a running system once, or repeatedly until Ctrl-C."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click
from flask import current_app
from flask.cli import with_appcontext

from app import errs, product
from app.cli import terminal
from app.config import Settings, authority
from app.extensions import db
from app.observability import logs
from app.repositories.autocommit_reads import Reads
from app.repositories.server_status import ServerReads
from app.resilience import deadline
from app.wiring import Services

if TYPE_CHECKING:
    from app.cli.status.monitor import Monitor
    from app.cli.status.report import DatabaseStatus

DATABASE_TIMEOUT: Final = timedelta(seconds=3)
FAILURES_WINDOW: Final = timedelta(minutes=5)
MAX_FAILURES: Final = 5
INSTANCES: Final = 2
"""Instances under systemd and ``make stack`` have the ports after METRICS_PORT."""
MAX_PORT: Final = 65535
UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared, not bound


@click.command("status")
@click.option("--once", is_flag=True, help="Print one table and exit. It has no rates, because these need two.")
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 3600),
    default=5.0,
    show_default=True,
    help="Seconds between two tables.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document per line instead of a table.")
@with_appcontext
def status(once: bool, interval: float, as_json: bool) -> None:
    """Print the status of the running system until Ctrl-C: instances, breakers, limits, jobs, operations.

    METRICS_TARGETS names the metrics ports. Rates appear from the second table on. The slowest and the most failing
    operations are those of the observed time, at most 5 minutes; in the first table, since the start of each instance.
    """
    from app.cli.status.monitor import Monitor  # noqa: PLC0415 -- it loads httpx2, which other commands need not

    logs.set_level("ERROR", shows_stacks=False)  # the table has the state of dependencies, and entries would cover it
    settings, monitor = Settings.from_env(), Monitor()
    if once:
        show(settings, monitor, as_json=as_json, redraws=False)
        return
    with suppress(KeyboardInterrupt):  # the end of the command, whether it waits or collects
        while True:
            began = time.monotonic()
            show(settings, monitor, as_json=as_json, redraws=True)
            time.sleep(max(0.0, interval - (time.monotonic() - began)))


def show(settings: Settings, monitor: "Monitor", *, as_json: bool, redraws: bool) -> None:
    """Collect and print one report."""
    import orjson  # noqa: PLC0415 -- as above

    from app.cli.status import table  # noqa: PLC0415
    from app.cli.status.scrape import Scrape, scrape_all  # noqa: PLC0415

    found = scrape_all(targets(settings))
    if not settings.metrics_targets and any(isinstance(each, Scrape) for each in found.values()):
        seen = monitor.known
        found = {target: each for target, each in found.items() if isinstance(each, Scrape) or target in seen}
    report = monitor.report(found, database(), at=datetime.now(UTC))
    if as_json:
        terminal.json(orjson.dumps(report, option=orjson.OPT_UTC_Z))
        return
    minutes = FAILURES_WINDOW.total_seconds() / 60
    terminal.screen(table.rendered(report, product.NAME, failures_minutes=minutes), redraws=redraws)


def targets(settings: Settings) -> list[str]:
    """Return the metrics ports to read: those of METRICS_TARGETS, or the usual ones of this machine."""
    if settings.metrics_targets:
        return [*settings.metrics_targets]
    host = "127.0.0.1" if settings.metrics_host in UNSPECIFIED else settings.metrics_host
    web = range(settings.metrics_port, settings.metrics_port + INSTANCES + 1) if settings.metrics_port else ()
    ports = dict.fromkeys(
        [
            *web,
            settings.rpc_metrics_port,
            settings.worker_metrics_port,
        ]
    )
    return [authority(host, port) for port in ports if 0 < port <= MAX_PORT]


def database() -> "DatabaseStatus":
    """Return the status of PostgreSQL, the queue of jobs, and the stored failures."""
    from app.cli.status.report import DatabaseStatus  # noqa: PLC0415 -- as above

    services: Services = current_app.extensions["app-services"]
    try:
        with deadline.within(DATABASE_TIMEOUT):
            return DatabaseStatus(
                server=ServerReads(Reads(lambda: db.engine)).status(),
                backlogs=services.jobs.backlogs(),
                failures=services.failures.counts(FAILURES_WINDOW, most=MAX_FAILURES),
            )
    except errs.Error as error:
        return DatabaseStatus(problem=terminal.reason(error))
