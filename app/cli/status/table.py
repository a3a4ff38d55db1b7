"""The report as lines of text, in sections of aligned columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.cli.status.report import (
    BreakerStatus,
    DatabaseStatus,
    Instance,
    JobStatus,
    LimitStatus,
    Operation,
    Report,
)
from app.models.failed_requests import FailureCount
from app.wire.timestamps import render

Row = Sequence[str]
NONE = "-"


def rendered(report: Report, product: str, *, failures_minutes: float) -> Iterator[str]:
    """Yield the lines of the whole table."""
    window = (
        f"of the last {report.window_seconds:.0f} s" if report.window_seconds else "since the start of each instance"
    )
    yield f"{product}, {render(report.at.replace(microsecond=0))}"
    instances = ("INSTANCE", "STATE", "VERSION", "PYTHON", "REQ/S", "5XX/S", "IN FLIGHT", "WAITING", "NOTE")
    yield from _section(instances, map(_instance, report.instances))
    yield from _section(("POSTGRESQL", "STATE", "CONNECTIONS", "NOTE"), [_database(report.database)])
    is_silent, is_cut_off = not any(each.is_up for each in report.instances), report.database.server is None
    breakers = ("BREAKER", "STATE", "OPENED", "REJECTED/S", "NOT CLOSED ON")
    yield from _section(breakers, map(_breaker, report.breakers), is_unknown=is_silent)
    yield from _section(("LIMIT", "IN USE", "MAXIMUM", "REJECTED/S", "NOTE"), map(_limit, report.limits))
    yield from _section(
        ("JOBS", "QUEUED", "DEAD", "OVERDUE", f"OUTCOMES {window}"), map(_job, report.jobs), is_unknown=is_cut_off
    )
    columns = ("REQUESTS", "REQ/S", "MEAN", "P95", "5XX", "5XX %")
    yield from _section(
        (f"SLOWEST OPERATIONS {window}", *columns), map(_operation, report.slowest), is_unknown=is_silent
    )
    yield from _section(
        (f"MOST FAILING OPERATIONS {window}", *columns), map(_operation, report.failing), is_unknown=is_silent
    )
    failures = (f"STORED 5XX of the last {failures_minutes:g} min", "OPERATION", "COUNT", "NEWEST REQUEST ID")
    yield from _section(failures, map(_failure, report.database.failures), is_unknown=is_cut_off)


def _section(titles: Row, rows: Iterable[Row], *, is_unknown: bool = False) -> Iterator[str]:
    """Yield an empty line and aligned columns; a section without rows has one line.

    Args:
        titles: the titles of the columns.
        rows: the cells of each row.
        is_unknown: true if the source of the rows did not respond.
    """
    table = [titles, *rows]
    yield ""
    if len(table) == 1:
        yield f"{titles[0]}: {'unknown' if is_unknown else 'none'}"
        return
    widths = [max(len(row[at]) for row in table) for at in range(len(titles))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _instance(each: Instance) -> Row:
    note = each.problem or (f"not ready: {', '.join(each.not_ready)}" if each.not_ready else NONE)
    numbers = (each.requests_per_second, each.failures_per_second, each.in_flight, each.waiting)
    state = "up" if each.is_up else "down"
    return each.target, state, each.version or NONE, each.python or NONE, *map(_number, numbers), note


def _database(database: DatabaseStatus) -> Row:
    server = database.server
    if server is None:
        return NONE, "down", NONE, database.problem or NONE
    return server.version, "up", f"{server.connections} of {server.max_connections}", database.problem or NONE


def _breaker(each: BreakerStatus) -> Row:
    return each.name, each.state, str(each.opened), _number(each.rejected_per_second), _listed(each.not_closed_on)


def _limit(each: LimitStatus) -> Row:
    return each.name, *map(_number, (each.in_use, each.maximum, each.rejected_per_second)), each.note or NONE


def _job(each: JobStatus) -> Row:
    overdue = NONE if each.overdue_seconds is None else f"{each.overdue_seconds:.0f} s"
    return each.kind, _number(each.queued), _number(each.dead), overdue, _counted(each.outcomes)


def _operation(each: Operation) -> Row:
    times = (_milliseconds(each.mean_seconds), _milliseconds(each.p95_seconds))
    share = f"{each.failed_share:.1%}"
    return each.name, str(each.requests), _number(each.per_second), *times, str(each.failed), share


def _failure(each: FailureCount) -> Row:
    return each.code or NONE, f"{each.method or NONE} {each.route or NONE}", str(each.count), each.newest_request_id


def _milliseconds(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds * 1000:.0f} ms"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or NONE


def _counted(values: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(values.items())) or NONE
