"""Units of work: all or nothing, also where one joins another; the fake behaves in the same way."""

from contextlib import suppress

import pytest
from sqlalchemy import Connection, text

from app.errs.tasks import TaskTitleTaken
from tests.integration.conftest import Database
from tests.integration.task_collections import Collection, InPostgres, a_task, titles


def seen(other_session: Connection) -> int:
    """Return the number of tasks that another session sees."""
    count = int(other_session.execute(text("SELECT count(*) FROM tasks")).scalar_one())
    other_session.rollback()
    return count


class TestUnit:
    def test_ok(self, collection: Collection) -> None:
        with collection.unit() as unit:
            unit.tasks.add(a_task())
            unit.commit()
        assert titles(collection) == ["Buy milk"]

    def test_an_unused_repository_of_entities_takes_nothing_away(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            assert unit.users
            unit.tasks.add(a_task())
            unit.commit()
        assert titles(InPostgres(database)) == ["Buy milk"]

    def test_entities_and_rows_are_committed_together(self, database: Database) -> None:
        added = a_task(), a_task("Buy bread")
        with database.unit_of_work() as unit:
            unit.tasks.add(added[0])
            assert unit.tasks.get(added[0].id).title == "Buy milk"
            unit.tasks.add(added[1])
            unit.commit()
        assert titles(InPostgres(database)) == ["Buy bread", "Buy milk"]

    def test_an_uncommitted_unit_is_rolled_back(self, collection: Collection) -> None:
        with collection.unit() as unit:
            unit.tasks.add(a_task())
        assert titles(collection) == []

    def test_an_error_rolls_back(self, collection: Collection) -> None:
        with suppress(KeyError), collection.unit() as unit:
            unit.tasks.add(a_task())
            raise KeyError
        assert titles(collection) == []

    def test_after_an_error_the_next_unit_begins_afresh(self, collection: Collection) -> None:
        for _ in range(2):
            with suppress(TaskTitleTaken), collection.unit() as unit:
                unit.tasks.add(a_task())
                unit.tasks.add(a_task())
        with collection.unit() as unit:
            unit.tasks.add(a_task())
            unit.commit()
        assert titles(collection) == ["Buy milk"]


class TestJoinedUnits:
    def test_ok(self, collection: Collection) -> None:
        with collection.unit() as outer:
            outer.tasks.add(a_task("outer"))
            with collection.unit() as inner:
                inner.tasks.add(a_task("inner"))
                inner.commit()
            outer.commit()
        assert titles(collection) == ["inner", "outer"]

    def test_the_inner_commit_is_no_more_than_a_flush(self, collection: Collection) -> None:
        with collection.unit() as outer:
            with collection.unit() as inner:
                inner.tasks.add(a_task())
                inner.commit()
            assert titles(collection) == ["Buy milk"]
            del outer
        assert titles(collection) == []

    def test_other_sessions_do_not_see_it_before_the_outer_commit(
        self, database: Database, other_session: Connection
    ) -> None:
        with database.unit_of_work() as outer:
            with database.unit_of_work() as inner:
                inner.tasks.add(a_task())
                inner.commit()
            assert seen(other_session) == 0
            outer.commit()
            assert seen(other_session) == 1

    def test_an_inner_error_rolls_back_everything(self, collection: Collection) -> None:
        with suppress(KeyError), collection.unit() as outer:
            outer.tasks.add(a_task("outer"))
            with collection.unit() as inner:
                inner.tasks.add(a_task("inner"))
                raise KeyError
        assert titles(collection) == []

    @pytest.mark.parametrize("error", [KeyError, None])
    def test_a_unit_that_swallows_an_inner_error_cannot_commit(
        self, collection: Collection, error: type[Exception] | None
    ) -> None:
        with collection.unit() as outer:
            with suppress(KeyError), collection.unit() as inner:
                inner.tasks.add(a_task("inner"))
                if error is not None:
                    raise error
            with pytest.raises(RuntimeError, match="ended without a commit"):
                outer.commit()
        assert titles(collection) == []
        with collection.unit() as unit:
            unit.tasks.add(a_task())
            unit.commit()
        assert titles(collection) == ["Buy milk"]
