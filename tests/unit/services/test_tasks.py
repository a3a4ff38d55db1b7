"""The use cases of tasks, with every error that they declare."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.errs import E, match
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.errs.tasks import BatchFailed, NotTaskOwner, TaskNotFound, TaskTitleTaken
from app.models.precondition import ANY_VERSION, Precondition, revision
from app.models.query import ListQuery, Ordering
from app.models.tasks import CreatedTask, NewTask, Priority, Status
from app.request_context import Principal
from app.services.tasks import TaskService
from tests.fakes.clock import FakeClock
from tests.fakes.tasks import FakeTaskReads
from tests.fakes.unit_of_work import FakeDatabase

EVERYTHING = ListQuery((), (Ordering("title"),), 10)


@pytest.fixture
def tasks(database: FakeDatabase, clock: FakeClock) -> TaskService:
    """Return the service."""
    return TaskService(reads=FakeTaskReads(database), unit_of_work=database.unit_of_work, clock=clock)


@pytest.fixture
def milk(tasks: TaskService, alice: Principal) -> CreatedTask:
    """Return alice's task."""
    return tasks.create(NewTask(title="Buy milk"), by=alice)


class TestCreate:
    def test_ok(self, tasks: TaskService, alice: Principal, clock: FakeClock, database: FakeDatabase) -> None:
        due = clock.now() + timedelta(days=1)
        task = tasks.create(NewTask(title="Buy milk", due_date=due, tags=("home",)), by=alice)
        assert (task.title, task.description, task.due_date, task.tags) == ("Buy milk", None, due, ("home",))
        assert (task.status, task.priority) == (Status.PENDING, Priority.MEDIUM)
        assert (task.create_time, task.update_time) == (clock.now(), clock.now())
        assert (task.created_by, task.version) == ("alice", 1)
        assert (list(database.tasks), database.commits) == ([task.id], 1)

    def test_a_reused_title_is_rejected_and_nothing_is_stored(
        self, tasks: TaskService, alice: Principal, milk: CreatedTask, database: FakeDatabase
    ) -> None:
        with pytest.raises(TaskTitleTaken) as caught:
            tasks.create(NewTask(title=" Buy milk "), by=alice)
        assert caught.value.param == "title"
        assert list(database.tasks) == [milk.id]

    def test_another_user_can_use_the_same_title(self, tasks: TaskService, milk: CreatedTask, bob: Principal) -> None:
        assert tasks.create(NewTask(title="Buy milk"), by=bob).id != milk.id


class TestCreateBatch:
    def test_ok(self, tasks: TaskService, alice: Principal, database: FakeDatabase) -> None:
        result = tasks.create_batch([NewTask(title="b"), NewTask(title="a")], by=alice)
        assert [task.title for task in result.tasks] == ["b", "a"]
        assert result.failures == ()
        assert (set(database.tasks), database.commits) == ({task.id for task in result.tasks}, 1)

    def test_an_item_fails_independently(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        result = tasks.create_batch([NewTask(title="a"), NewTask(title="Buy milk"), NewTask(title="b")], by=alice)
        assert [task.title for task in result.tasks] == ["a", "b"]
        ((index, error),) = result.failures
        assert index == 1
        assert match(TaskTitleTaken(param="title"), error)

    def test_the_batch_fails_if_every_item_fails(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        with pytest.raises(BatchFailed) as caught:
            tasks.create_batch([NewTask(title="Buy milk")], by=alice)
        assert caught.value.count == 1
        assert [(index, error.code) for index, error in caught.value.failures] == [(0, "TASK_TITLE_TAKEN")]


class TestGet:
    def test_ok(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        assert tasks.get(milk.id, by=alice).title == "Buy milk"

    def test_an_admin_can_read_every_task(self, tasks: TaskService, admin: Principal, milk: CreatedTask) -> None:
        assert tasks.get(milk.id, by=admin).created_by == "alice"

    def test_an_unknown_id_is_rejected(self, tasks: TaskService, alice: Principal) -> None:
        with pytest.raises(TaskNotFound):
            tasks.get(uuid4(), by=alice)

    def test_another_user_s_task_is_rejected_and_its_owner_is_logged(
        self, tasks: TaskService, bob: Principal, milk: CreatedTask
    ) -> None:
        with pytest.raises(NotTaskOwner) as caught:
            tasks.get(milk.id, by=bob)
        assert match(E(user="bob"), caught.value)


class TestPage:
    def test_ok(self, tasks: TaskService, alice: Principal, bob: Principal, milk: CreatedTask) -> None:
        tasks.create(NewTask(title="Feed cat"), by=bob)
        assert [task.title for task in tasks.page(EVERYTHING, by=alice).rows] == ["Buy milk"]

    def test_an_admin_lists_all_tasks(
        self, tasks: TaskService, admin: Principal, bob: Principal, milk: CreatedTask
    ) -> None:
        tasks.create(NewTask(title="Feed cat"), by=bob)
        page = tasks.page(EVERYTHING, by=admin)
        assert ([task.title for task in page.rows], page.total_size) == (["Buy milk", "Feed cat"], 2)


class TestUpdate:
    def test_ok(self, tasks: TaskService, alice: Principal, milk: CreatedTask, clock: FakeClock) -> None:
        made = clock.now()
        clock.advance(hours=1)
        task = tasks.update(milk.id, {"title": "Buy oat milk", "tags": ("home",)}, by=alice)
        assert (task.title, task.tags, task.version) == ("Buy oat milk", ["home"], 2)
        assert (task.create_time, task.update_time) == (made, clock.now())
        assert tasks.get(milk.id, by=alice).version == 2

    def test_an_update_without_changes_keeps_the_version(
        self, tasks: TaskService, alice: Principal, milk: CreatedTask
    ) -> None:
        assert tasks.update(milk.id, {}, by=alice).version == 1

    def test_an_admin_can_change_every_task(self, tasks: TaskService, admin: Principal, milk: CreatedTask) -> None:
        assert tasks.update(milk.id, {"title": "Mine"}, by=admin).created_by == "alice"

    def test_the_expected_version_is_accepted(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        precondition = Precondition(frozenset({revision(1, milk.update_time), "7-0"}))
        assert tasks.update(milk.id, {"title": "New"}, by=alice, precondition=precondition).version == 2

    def test_a_star_accepts_any_version(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        assert tasks.update(milk.id, {"title": "New"}, by=alice, precondition=Precondition(ANY_VERSION)).version == 2

    def test_an_unknown_id_is_rejected(self, tasks: TaskService, alice: Principal) -> None:
        with pytest.raises(TaskNotFound):
            tasks.update(uuid4(), {"title": "New"}, by=alice)

    def test_another_user_s_task_is_rejected_before_its_version_is_checked(
        self, tasks: TaskService, bob: Principal, milk: CreatedTask
    ) -> None:
        with pytest.raises(NotTaskOwner):
            tasks.update(milk.id, {"title": "New"}, by=bob, precondition=Precondition(frozenset()))

    def test_an_unexpected_version_is_rejected(self, tasks: TaskService, alice: Principal, milk: CreatedTask) -> None:
        with pytest.raises(PreconditionFailed):
            tasks.update(
                milk.id,
                {"title": "New"},
                by=alice,
                precondition=Precondition(frozenset({revision(2, milk.update_time)})),
            )
        with pytest.raises(PreconditionFailed):
            tasks.update(
                milk.id,
                {"title": "New"},
                by=alice,
                precondition=Precondition(excluded=frozenset({revision(1, milk.update_time)})),
            )
        assert tasks.get(milk.id, by=alice).title == "Buy milk"

    def test_a_completion_after_the_due_date_is_rejected(
        self, tasks: TaskService, alice: Principal, clock: FakeClock
    ) -> None:
        task = tasks.create(NewTask(title="Late", due_date=clock.now() + timedelta(hours=1)), by=alice)
        clock.advance(hours=2)
        with pytest.raises(ValidationFailed) as caught:
            tasks.update(task.id, {"status": Status.COMPLETED}, by=alice)
        assert [each.code for each in caught.value.violations] == ["OVERDUE_COMPLETION"]
        assert tasks.update(task.id, {"title": "Very late"}, by=alice).version == 2

    def test_a_due_date_changed_by_the_same_update_counts(
        self, tasks: TaskService, alice: Principal, clock: FakeClock
    ) -> None:
        task = tasks.create(NewTask(title="Late", due_date=clock.now() + timedelta(hours=1)), by=alice)
        clock.advance(hours=2)
        changes = {"status": Status.COMPLETED, "due_date": clock.now() + timedelta(hours=1)}
        done = tasks.update(task.id, changes, by=alice)
        clock.advance(hours=2)
        assert tasks.update(done.id, {"status": Status.COMPLETED, "title": "Done"}, by=alice).version == 3

    def test_a_reused_title_is_rejected_and_nothing_is_stored(
        self, tasks: TaskService, alice: Principal, milk: CreatedTask
    ) -> None:
        other = tasks.create(NewTask(title="Feed cat"), by=alice)
        with pytest.raises(TaskTitleTaken):
            tasks.update(other.id, {"title": "Buy milk"}, by=alice)
        assert tasks.get(other.id, by=alice).title == "Feed cat"


class TestDelete:
    def test_ok(self, tasks: TaskService, alice: Principal, milk: CreatedTask, database: FakeDatabase) -> None:
        assert tasks.delete(milk.id, by=alice).title == "Buy milk"
        assert database.tasks == {}

    @pytest.mark.parametrize("task_id", [UUID(int=0), uuid4()])
    def test_an_unknown_id_is_rejected(self, tasks: TaskService, alice: Principal, task_id: UUID) -> None:
        with pytest.raises(TaskNotFound):
            tasks.delete(task_id, by=alice)

    def test_another_user_s_task_is_rejected(self, tasks: TaskService, bob: Principal, milk: CreatedTask) -> None:
        with pytest.raises(NotTaskOwner):
            tasks.delete(milk.id, by=bob)

    def test_an_unexpected_version_is_rejected(
        self, tasks: TaskService, alice: Principal, milk: CreatedTask, database: FakeDatabase
    ) -> None:
        with pytest.raises(PreconditionFailed):
            tasks.delete(milk.id, by=alice, precondition=Precondition(frozenset({"9-0"})))
        assert list(database.tasks) == [milk.id]
