"""The private names of psycopg in ``app.repositories.psycopg_internals`` have the expected meaning."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg._connection_base import BaseConnection
from psycopg._cursor_base import BaseCursor
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from app.repositories import psycopg_internals
from app.repositories.compiled_cursor import Statement

APP: Final = Path(psycopg_internals.__file__).parents[1]
PARAMETERS: Final[dict[Callable[..., Any], list[str]]] = {
    PrepareManager.get: ["self", "query", "prepare"],
    PrepareManager.key: ["query"],
    PrepareManager.maybe_add_to_cache: ["self", "query", "prep", "name"],
    PrepareManager.validate: ["self", "key", "prep", "name", "results"],
    PrepareManager.maintain_gen: ["self", "conn"],
    psycopg.Connection._get_tx_start_command: ["self"],
}
STEPS: Final = ["_get_prepared", "_send_prepare", "_send_query_prepared", "maybe_add_to_cache", "validate"]
"""The steps of psycopg's cursor with a statement, in this order."""


@pytest.mark.parametrize("function", PARAMETERS, ids=lambda each: each.__name__)
def test_functions_have_the_same_parameters(function: Callable[..., Any]) -> None:
    assert [*inspect.signature(function).parameters] == PARAMETERS[function]


def test_the_cursor_of_psycopg_takes_the_same_steps() -> None:
    source = inspect.getsource(BaseCursor._maybe_prepare_gen)
    found = [source.find(f"{step}(") for step in STEPS]
    assert -1 not in found
    assert found == sorted(found)
    assert "maintain_gen" in inspect.getsource(BaseCursor._execute_gen)


def test_a_statement_is_prepared_after_the_threshold() -> None:
    manager, statement = PrepareManager(), Statement(b"SELECT $1", (25,))
    asked: Any = statement
    states = list[tuple[Prepare, bytes]]()
    for _ in range(7):
        state, name = manager.get(asked)
        manager.maybe_add_to_cache(asked, state, name)
        states.append((state, name))
    assert [state for state, _ in states] == [psycopg_internals.UNPREPARED] * 5 + [
        psycopg_internals.PREPARE,
        Prepare.YES,
    ]
    assert states[-1][1] == states[-2][1] == b"_pg3_0"
    assert manager._prepared_idx == 1


def test_autocommit_has_no_other_effect_than_its_attribute() -> None:
    assert "self._autocommit = bool(value)" in inspect.getsource(psycopg.Connection._set_autocommit_gen)
    assert "self._tpc" in inspect.getsource(BaseConnection._check_tpc) + inspect.getsource(BaseConnection._rollback_gen)
    assert "return self._autocommit" in inspect.getsource(vars(BaseConnection)["autocommit"].fget)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "SELECT 100 %% 7", "SELECT %(a)s, %(b)s::TEXT || %(a)s", "SELECT '%%(a)s', %(a)s"]
)
def test_numbered_text_is_the_one_that_a_cursor_sends(text: str) -> None:
    query = PostgresQuery(Transformer())
    query.convert(text, {"a": 1, "b": "b"})
    numbered = psycopg_internals.numbered(text)
    assert numbered.query == query.query
    assert len(numbered.names) == len(numbered.formats) == len(query.params or ())


def test_no_other_module_uses_private_names_of_psycopg() -> None:
    found = {
        f"{path.relative_to(APP)}: {ast.unparse(node)}"
        for path in APP.rglob("*.py")
        if path.name != "psycopg_internals.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("psycopg._"))
        or (isinstance(node, ast.Attribute) and node.attr in {"_prepared", "_WaitTimeout", "_autocommit", "_tpc"})
    }
    assert not found
