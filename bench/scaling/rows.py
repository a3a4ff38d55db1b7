"""From a thousand rows to ten million: the cost of lists, by the plans and the buffers they touch, and in time."""

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

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
OWNER: Final = "owner-0"
PAGE: Final = 50
DEEP: Final = 1_000
"""The page that is compared with the first, or the last full one where there are fewer."""
MOST: Final = 2_000
"""Buffers that all statements of a list may touch together; ten million rows are more than 200,000."""
TIMES: Final = 9
MILLION: Final = 1_000_000
FILTERED: Final = "status = PENDING AND priority = CRITICAL"
UNMATCHED: Final = 'title = "no task has this title"'


@dataclass(frozen=True)
class Question:
    """A list request."""

    name: str
    query: str
    is_deep: bool = False


QUESTIONS: Final = (
    Question("page 1", "page_size=50"),
    Question("page 1,000", "page_size=50", is_deep=True),
    *(
        Question(f"ordered by {member}, page {page}", f"page_size=50&order_by={member}", is_deep=page != "1")
        for member in ("due_date", "title", "priority")
        for page in ("1", "1,000")
    ),
    Question("ordered by priority desc, title", f"page_size=50&order_by={quote('priority desc, title')}"),
    Question("filtered, one in sixteen matches", f"page_size=50&filter={quote(FILTERED)}"),
    Question("the same, ordered by title", f"page_size=50&order_by=title&filter={quote(FILTERED)}"),
    Question("filtered by title, nothing matches", f"page_size=50&filter={quote(UNMATCHED)}"),
    Question("filtered by tag, nothing matches", f"page_size=50&filter={quote('tags:nosuch')}"),
    Question("filtered by tag, two in three match, ordered by title", "page_size=50&order_by=title&filter=tags:home"),
    Question("page of 1,000, ordered by title", "page_size=1000&order_by=title"),
)


class Lists:
    """Sends requests to the application in this process, and reads PostgreSQL's plans."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._reader = measure.bearer(OWNER)
        with app.app_context():
            self._engine = app.extensions["sqlalchemy"].engine

    def send(self, query: str) -> dict[str, Any]:
        """Return a page, or the problem of an order that is rejected. Raises: RuntimeError."""
        status = ""

        def start(line: str, _headers: object, _exc: object = None) -> Callable[[bytes], object]:
            nonlocal status
            status = line
            return len

        environ = in_process.environ_of(encoded("GET", f"/v1/tasks?{query}", self._reader))
        body = b"".join(self._app(environ, start))
        found: dict[str, Any] = json.loads(body)
        if not status.startswith("200") and found["code"] != "INVALID_ORDER_BY":
            raise RuntimeError(f"{query} was answered {status}: {body.decode()}")
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

    def plans(self, query: str) -> list[dict[str, Any]]:
        """Return the plans of the statements that read or count rows, with their measured cost.

        Raises:
            RuntimeError: the list sent none.
        """
        sent: list[tuple[str, str, Any]] = []

        def send(cursor: Any, statement: str, parameters: Any, *context: Any) -> None:
            sent.append((getattr(cursor, "set_planner", ""), statement, parameters))
            send_on(cursor, statement, parameters, *context)

        send_on = self._engine.dialect.do_execute
        with patch.object(self._engine.dialect, "do_execute", send):
            page = self.send(query)
        plans = [self._plan(*each) for each in sent if each[1].startswith("SELECT")]
        if not plans and "tasks" in page:
            raise RuntimeError(f"no statement of {query} was seen")
        return plans

    def _plan(self, set_planner: str, statement: str, parameters: Any) -> dict[str, Any]:
        with self._engine.connect() as connection:
            if set_planner:
                connection.exec_driver_sql(set_planner)
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            plan: dict[str, Any] = explained.scalar_one()[0]["Plan"]
            return plan


def measured(url: str, *, largest: int = SIZES[-1]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cost of each list at each size up to the largest, and the lists that touch too many buffers."""
    lists, found, before = Lists(in_process.candor(url)), list[dict[str, Any]](), 0
    database.run(url, "TRUNCATE tasks")
    for size in (each for each in SIZES if each <= largest):
        measure.progress(f"{size:,} rows")
        if size > MILLION:
            database.fill_without_indexes(url, size, first=before + 1)
        else:
            database.fill(url, size, first=before + 1, owners=1)
        before = size
        with in_process.log_to_file("rows"):
            found += [_row(lists, question, size) for question in QUESTIONS]
    return found, [
        f"{each['question']} of {each['rows']:,} rows touches {each['buffers']:,} buffers in {each['ms']} ms:"
        f" {', '.join(each['plan'])}"
        for each in found
        if each["buffers"] > MOST
    ]


def _row(lists: Lists, question: Question, size: int) -> dict[str, Any]:
    query = lists.deep(question.query, size) if question.is_deep else question.query
    plans, page = lists.plans(query), lists.send(query)
    return {
        "rows": size,
        "question": question.name,
        "buffers": sum(int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) for plan in plans),
        "plan": sorted({node["Node Type"] for plan in plans for node in _nodes(plan)}),
        "ms": round(lists.milliseconds(query), 2),
        "items": len(page.get("tasks", ())),
        "total_size": page.get("total_size"),
    }


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)
