"""From a thousand rows to a million: the cost of lists, by the plan and the buffers it touches, and in time."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import quote

from flask import Flask

from bench import database, in_process, measure
from bench.workloads import encoded

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
OWNER: Final = "owner-0"
PAGE: Final = 50
DEEP: Final = 1_000
"""The page that is compared with the first, or the last full one where there are fewer."""
FEW: Final = 400
"""Buffers that a page may touch with any number of rows; a million rows are more than 20,000."""
TIMES: Final = 9
FILTERED: Final = "status = PENDING AND priority = CRITICAL"
UNMATCHED: Final = 'title = "no task has this title"'


@dataclass(frozen=True)
class Question:
    """A list request."""

    name: str
    query: str
    is_bounded: bool = True
    """True if its cost must not depend on the number of rows."""
    is_deep: bool = False


QUESTIONS: Final = (
    Question("page 1", "page_size=50"),
    Question("page 1,000", "page_size=50", is_deep=True),
    Question("filtered, one in sixteen matches", f"page_size=50&filter={quote(FILTERED)}"),
    Question("ordered by due_date, page 1", "page_size=50&order_by=due_date"),
    Question("ordered by due_date, page 1,000", "page_size=50&order_by=due_date", is_deep=True),
    Question("filtered by title, nothing matches", f"page_size=50&filter={quote(UNMATCHED)}", is_bounded=False),
)


class Lists:
    """Sends requests to the application in this process, and reads PostgreSQL's plans."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._reader = measure.bearer(OWNER)
        with app.app_context():
            self._engine = app.extensions["sqlalchemy"].engine

    def send(self, query: str) -> dict[str, Any]:
        """Return a page. Raises: RuntimeError."""
        status = ""

        def start(line: str, _headers: object, _exc: object = None) -> Callable[[bytes], object]:
            nonlocal status
            status = line
            return len

        environ = in_process.environ_of(encoded("GET", f"/v1/tasks?{query}", self._reader))
        body = b"".join(self._app(environ, start))
        if not status.startswith("200"):
            raise RuntimeError(f"{query} was answered {status}: {body.decode()}")
        found: dict[str, Any] = json.loads(body)
        return found

    def deep(self, query: str, rows: int) -> str:
        """Return the query of the deep page, which is reached by following page tokens."""
        at = query
        for _ in range(min(DEEP, rows // PAGE) - 1):
            at = f"{query}&page_token={self.send(at)['next_page_token']}"
        return at

    def milliseconds(self, query: str) -> float:
        """Return the duration of a page, PostgreSQL included: the median."""
        found = []
        for _ in range(TIMES):
            began = time.perf_counter()
            self.send(query)
            found.append(time.perf_counter() - began)
        return statistics.median(found) * 1000

    def plan(self, query: str) -> dict[str, Any]:
        """Return the plan of the statement that finds the rows, with its measured cost."""
        sent: list[tuple[str, Any]] = []

        def send(cursor: Any, statement: str, parameters: Any, *context: Any) -> None:
            sent.append((statement, parameters))
            send_on(cursor, statement, parameters, *context)

        send_on = self._engine.dialect.do_execute
        with patch.object(self._engine.dialect, "do_execute", send):
            self.send(query)
        statement, parameters = sent[0]
        with self._engine.connect() as connection:
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            plan: dict[str, Any] = explained.scalar_one()[0]["Plan"]
        return plan


def measured(url: str, sizes: tuple[int, ...] = SIZES) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cost of each list at each size, and the broken promises."""
    lists, found, before = Lists(in_process.candor(url)), list[dict[str, Any]](), 0
    database.run(url, "TRUNCATE tasks")
    for size in sizes:
        measure.progress(f"{size:,} rows")
        database.fill(url, size, first=before + 1, owners=1)
        before = size
        with in_process.log_to_file("rows"):
            found += [_row(lists, question, size) for question in QUESTIONS]
    return found, [
        f"{each['question']} of {each['rows']:,} rows touches {each['buffers']:,} buffers: {', '.join(each['plan'])}"
        for each in found
        if each["is_bounded"] and (each["buffers"] > FEW or (each["rows"] > sizes[0] and "Seq Scan" in each["plan"]))
    ]


def _row(lists: Lists, question: Question, size: int) -> dict[str, Any]:
    query = lists.deep(question.query, size) if question.is_deep else question.query
    plan = lists.plan(query)
    return {
        "rows": size,
        "question": question.name,
        "is_bounded": question.is_bounded,
        "buffers": int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]),
        "plan": sorted({node["Node Type"] for node in _nodes(plan)}),
        "ms": round(lists.milliseconds(query), 2),
        "total_size": lists.send(query)["total_size"],
    }


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)
