"""Repeated requests with one Idempotency-Key run once (C21)."""

import pytest

from app.errs.requests import IdempotencyInProgress, IdempotencyKeyReused
from app.errs.tasks import TaskTitleTaken
from app.models.tasks import NewTask
from app.request_context import Principal
from app.services.idempotency import Answer, IdempotencyService
from app.services.tasks import TaskService
from tests.fakes.clock import FakeClock
from tests.fakes.tasks import FakeTaskReads
from tests.fakes.unit_of_work import FakeDatabase


class Work:
    """Counts its runs, and returns the count."""

    def __init__(self, status: int = 201) -> None:
        self.status = status
        self.done = 0

    def __call__(self) -> Answer:
        """Run it."""
        self.done += 1
        return Answer(self.status, {"Location": f"/v1/tasks/{self.done}"}, b"%d" % self.done)


@pytest.fixture
def idempotency(database: FakeDatabase, clock: FakeClock) -> IdempotencyService:
    """Return the service."""
    return IdempotencyService(unit_of_work=database.unit_of_work, clock=clock)


class TestOnce:
    def test_ok(self, idempotency: IdempotencyService, alice: Principal) -> None:
        work = Work()
        first = idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        again = idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        assert first == Answer(201, {"Location": "/v1/tasks/1"}, b"1")
        assert again == Answer(201, {"Location": "/v1/tasks/1"}, b"1", is_replay=True)
        assert work.done == 1

    def test_another_key_is_another_request(self, idempotency: IdempotencyService, alice: Principal) -> None:
        work = Work()
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        idempotency.once("Key", by=alice, fingerprint=b"f", answer=work)
        assert work.done == 2

    def test_the_same_key_of_another_caller_is_another_key_in_any_spelling(
        self, idempotency: IdempotencyService
    ) -> None:
        work = Work()
        for subject, key in (("a", "bc"), ("ab", "c"), ("1:a", "bc")):
            caller = Principal(subject, frozenset())
            assert not idempotency.once(key, by=caller, fingerprint=b"f", answer=work).is_replay

    def test_a_key_expires_after_a_day(
        self, idempotency: IdempotencyService, alice: Principal, clock: FakeClock
    ) -> None:
        work = Work()
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        clock.advance(hours=24, microseconds=-1)
        assert idempotency.once("key", by=alice, fingerprint=b"f", answer=work).is_replay
        clock.advance(microseconds=1)
        assert not idempotency.once("key", by=alice, fingerprint=b"g", answer=work).is_replay
        assert idempotency.once("key", by=alice, fingerprint=b"g", answer=work).body == b"2"

    @pytest.mark.parametrize("status", [199, 300, 400, 503])
    def test_only_a_success_is_stored(
        self, idempotency: IdempotencyService, alice: Principal, status: int, database: FakeDatabase
    ) -> None:
        work = Work(status)
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        assert (work.done, database.stored_responses) == (2, {})

    def test_an_error_propagates_and_releases_the_key(
        self, idempotency: IdempotencyService, alice: Principal, database: FakeDatabase, clock: FakeClock
    ) -> None:
        tasks = TaskService(reads=FakeTaskReads(database), unit_of_work=database.unit_of_work, clock=clock)

        def create_two() -> Answer:
            tasks.create(NewTask(title="same"), by=alice)
            tasks.create(NewTask(title="same"), by=alice)
            raise AssertionError

        with pytest.raises(TaskTitleTaken):
            idempotency.once("key", by=alice, fingerprint=b"f", answer=create_two)
        assert (database.tasks, database.stored_responses) == ({}, {})
        assert not idempotency.once("key", by=alice, fingerprint=b"other", answer=Work()).is_replay

    def test_response_and_effect_are_stored_together(
        self, idempotency: IdempotencyService, alice: Principal, database: FakeDatabase, clock: FakeClock
    ) -> None:
        tasks = TaskService(reads=FakeTaskReads(database), unit_of_work=database.unit_of_work, clock=clock)

        def create() -> Answer:
            tasks.create(NewTask(title="one"), by=alice)
            assert database.commits == 0
            return Answer(201, {}, b"")

        idempotency.once("key", by=alice, fingerprint=b"f", answer=create)
        assert (database.commits, len(database.tasks), len(database.stored_responses)) == (1, 1, 1)

    def test_a_second_request_is_rejected_while_the_first_one_runs(
        self, idempotency: IdempotencyService, alice: Principal, database: FakeDatabase
    ) -> None:
        work = Work()
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        database.locked |= set(database.stored_responses)
        with pytest.raises(IdempotencyInProgress) as caught:
            idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        assert (caught.value.param, caught.value.retry_after) == ("Idempotency-Key", 1)

    def test_the_same_key_for_another_request_is_rejected(
        self, idempotency: IdempotencyService, alice: Principal
    ) -> None:
        work = Work()
        idempotency.once("key", by=alice, fingerprint=b"f", answer=work)
        with pytest.raises(IdempotencyKeyReused) as caught:
            idempotency.once("key", by=alice, fingerprint=b"g", answer=work)
        assert (caught.value.param, work.done) == ("Idempotency-Key", 1)
