"""Tasks in PostgreSQL and in the fake of the service tests behave alike."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.models.tasks import Priority, Status
from tests.integration.task_collections import NOON, Collection, a_task, added, members, titles


class TestReading:
    def test_an_added_task_is_read_with_every_member_and_its_type(self, collection: Collection) -> None:
        task = a_task(
            description="from the shop",
            status=Status.IN_PROGRESS,
            priority=Priority.CRITICAL,
            due_date=NOON + timedelta(days=1, microseconds=1),
            tags=["home", "x-1"],
        )
        added(collection, task)
        read = collection.reads.get(task.id)
        assert members(read) == members(task)
        assert (type(read.status), type(read.priority)) == (Status, Priority)  # type: ignore[attr-defined]  # as above

    def test_an_unknown_id_is_rejected(self, collection: Collection) -> None:
        with pytest.raises(TaskNotFound):
            collection.reads.get(uuid4())


class TestGet:
    def test_ok(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task)
        with collection.unit() as unit:
            assert members(unit.tasks.get(task.id)) == members(task)

    def test_a_changed_task_is_written_with_the_unit(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task)
        with collection.unit() as unit:
            unit.tasks.get(task.id).change({"title": "New", "tags": ("home",)}, at=NOON + timedelta(hours=1))
            unit.commit()
        read = members(collection.reads.get(task.id))
        assert (read["title"], read["tags"], read["version"]) == ("New", ["home"], 2)
        assert read["update_time"] == NOON + timedelta(hours=1)

    def test_an_uncommitted_change_is_not_stored(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task)
        with collection.unit() as unit:
            unit.tasks.get(task.id).change({"title": "New"}, at=NOON)
        assert collection.reads.get(task.id).title == "Buy milk"

    def test_twice_in_a_unit_it_is_the_same(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task)
        with collection.unit() as unit:
            assert unit.tasks.get(task.id) is unit.tasks.get(task.id)

    def test_an_unknown_id_is_rejected(self, collection: Collection) -> None:
        with collection.unit() as unit, pytest.raises(TaskNotFound):
            unit.tasks.get(uuid4())

    def test_a_change_to_a_taken_title_is_rejected(self, collection: Collection) -> None:
        task = a_task("other")
        added(collection, a_task("taken"), task)
        with collection.unit() as unit:
            unit.tasks.get(task.id).change({"title": "taken"}, at=NOON)
            with pytest.raises(TaskTitleTaken) as caught:
                unit.commit()
        assert caught.value.param == "title"
        assert collection.reads.get(task.id).title == "other"


class TestAdd:
    @pytest.mark.parametrize(
        ("first", "second"),
        [("same", "same"), (" same\u3000", "same"), ("\u00e9", "e\u0301"), ("\u212b", "\u00c5")],
    )
    def test_a_title_that_means_the_same_is_taken(self, collection: Collection, first: str, second: str) -> None:
        added(collection, a_task(first))
        with pytest.raises(TaskTitleTaken) as caught:
            added(collection, a_task(second))
        assert caught.value.param == "title"
        assert titles(collection) == [first]

    @pytest.mark.parametrize(
        ("first", "second"), [("same", "Same"), ("same", "sa me"), ("1", "\u00b9"), ("a\tb", "a b"), ("x", "x\t")]
    )
    def test_a_title_that_looks_alike_is_another(self, collection: Collection, first: str, second: str) -> None:
        added(collection, a_task(first), a_task(second))
        assert sorted(titles(collection)) == sorted([first, second])

    def test_another_owner_may_use_the_title(self, collection: Collection) -> None:
        added(collection, a_task("same"), a_task("same", created_by="bob"))
        assert titles(collection) == ["same", "same"]


class TestAddAll:
    def test_ok(self, collection: Collection) -> None:
        tasks = [a_task("b"), a_task("a")]
        with collection.unit() as unit:
            assert unit.tasks.add_all(tasks) == {task.id for task in tasks}
            unit.commit()
        assert members(collection.reads.get(tasks[0].id)) == members(tasks[0])

    def test_those_whose_titles_are_taken_are_left_out(self, collection: Collection) -> None:
        added(collection, a_task("taken"))
        tasks = [a_task("free"), a_task(" taken"), a_task("twice"), a_task("twice")]
        with collection.unit() as unit:
            created = unit.tasks.add_all(tasks)
            unit.commit()
        assert len(created) == 2
        assert created <= {tasks[0].id, tasks[2].id, tasks[3].id}
        assert titles(collection) == ["free", "taken", "twice"]

    def test_an_uncommitted_change_is_not_stored(self, collection: Collection) -> None:
        with collection.unit() as unit:
            unit.tasks.add_all([a_task()])
        assert titles(collection) == []


class TestRemove:
    def test_ok(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task, a_task("other"))
        with collection.unit() as unit:
            unit.tasks.remove(unit.tasks.get(task.id))
            unit.commit()
        assert titles(collection) == ["other"]

    def test_its_title_is_free_again(self, collection: Collection) -> None:
        task = a_task()
        added(collection, task)
        with collection.unit() as unit:
            unit.tasks.remove(unit.tasks.get(task.id))
            unit.tasks.add(a_task())
            unit.commit()
        assert titles(collection) == ["Buy milk"]
