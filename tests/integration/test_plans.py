"""Stale plans: the statement is repeated where that is safe, otherwise the use case, whose transaction is lost."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from app.config import Settings
from app.errs import Error, Kind
from app.models.tasks import Task
from app.repositories.compiled_statement import CompiledStatement
from app.resilience.transaction_retry import BUDGET, transaction
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task
from tests.schema_changes import changed

TITLE = CompiledStatement(select(Task.title))
PREPARED = 8
"""Repetitions after which psycopg has prepared a statement."""


@pytest.fixture
def rename(database: Database) -> Callable[[str], list[str]]:
    """Return a use case of two prepared statements; it returns the titles that it has found."""
    task = a_task("before")
    with database.unit_of_work() as unit:
        unit.tasks.add(task)
        unit.commit()
    found: list[str] = []

    @transaction
    def run(title: str) -> list[str]:
        with database.unit_of_work() as unit:
            unit.stored_responses.lock("a scope")
            entity = unit.tasks.get(task.id)
            found.append(entity.title)
            entity.title = title
            unit.commit()
        return found

    for turn in range(PREPARED):
        run(f"turn {turn}")
    found.clear()
    return run


class TestTransactions:
    def test_a_stale_plan_in_the_middle_repeats_the_use_case(
        self, rename: Callable[[str], list[str]], database: Database, settings: Settings
    ) -> None:
        with changed(settings, "widened"):
            assert rename("after") == [f"turn {PREPARED - 1}"]
            assert database.reads.run(lambda line: line.value(TITLE)) == "after"

    def test_the_repetition_needs_no_retry_budget(self, rename: Callable[[str], list[str]], settings: Settings) -> None:
        BUDGET._reset()
        while BUDGET.withdraw():
            pass
        try:
            with changed(settings, "widened"):
                assert rename("after") == [f"turn {PREPARED - 1}"]
        finally:
            BUDGET._reset()

    def test_a_lost_statement_in_the_middle_repeats_it_too(
        self, rename: Callable[[str], list[str]], database: Database
    ) -> None:
        with database.unit_of_work() as unit:
            backend = unit.transaction.connection.connection.driver_connection
        assert backend is not None
        backend.pgconn.exec_(b"DISCARD ALL")
        assert rename("after")[-1] == f"turn {PREPARED - 1}"


class TestMistakes:
    @pytest.mark.usefixtures("by_repositories")
    def test_another_feature_that_is_not_supported_is_a_fault_of_the_service(self, database: Database) -> None:
        """0A000 does not always mean a stale plan."""
        name = f"s{uuid4().hex[:8]}"
        with database.engine.connect() as connection, pytest.raises(Error) as caught:
            connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = '0A000'; END $$"))
        assert (caught.value.kind, caught.value.facts["sqlstate"]) == (Kind.DATABASE, "0A000")
