"""The plans of the statements that a read sends, under the same settings of the planner."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

Plan = dict[str, Any]


def plans(engine: Engine, read: Callable[[], object]) -> list[Plan]:
    """Return the plans of the selects that a read sends, with their measured cost."""
    sent: list[tuple[str, str, Any]] = []

    def send(cursor: Any, statement: str, parameters: Any, *context: Any) -> None:
        sent.append((getattr(cursor, "set_planner", ""), statement, parameters))
        send_on(cursor, statement, parameters, *context)

    send_on = engine.dialect.do_execute
    with patch.object(engine.dialect, "do_execute", send):
        read()
    return [_plan(engine, *each) for each in sent if each[1].startswith("SELECT")]


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def buffers(plan: Plan) -> int:
    """Return the number of pages that a plan touched, cached or not."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _plan(engine: Engine, set_planner: str, statement: str, parameters: Any) -> Plan:
    with engine.connect() as connection:
        if set_planner:
            connection.exec_driver_sql(set_planner)
        explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}"
        plan: Plan = connection.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"]
    return plan
