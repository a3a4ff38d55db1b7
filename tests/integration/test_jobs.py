"""The queue in PostgreSQL: jobs are stored with their cause, leased by one worker, and finished by that worker."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app import request_context
from app.models.jobs import ClaimedJob, JobState, NewJob
from tests.integration.conftest import Database

LEASE = timedelta(minutes=1)


def add(database: Database, kind: str = "test.note", **payload: str) -> None:
    """Queue a job."""
    with database.unit_of_work() as unit:
        unit.jobs.add(NewJob(kind, payload))
        unit.commit()


def take(database: Database, kind: str = "test.note", *, owner: str = "one") -> ClaimedJob | None:
    """Lease a job."""
    with database.unit_of_work() as unit:
        job = unit.jobs.claim([kind], owner=owner, lease=LEASE)
        unit.commit()
    return job


def taken(database: Database) -> ClaimedJob:
    """Lease a job that exists."""
    job = take(database)
    assert job is not None
    return job


def expire(other_session: Connection) -> None:
    """Let every lease and pause expire."""
    other_session.execute(text("UPDATE jobs SET run_time = now()"))
    other_session.commit()


def count(other_session: Connection) -> int:
    """Return the number of jobs that another session sees."""
    found = int(other_session.execute(text("SELECT count(*) FROM jobs")).scalar_one())
    other_session.rollback()
    return found


@pytest.fixture
def request_id() -> Iterator[str]:
    """Run inside a request."""
    token = request_context.request_id.set("request-12345678")
    yield "request-12345678"
    request_context.request_id.reset(token)


class TestAdd:
    def test_ok(self, database: Database, request_id: str) -> None:
        add(database, to="a@example.com")
        job = taken(database)
        assert (job.kind, job.payload, job.request_id) == ("test.note", {"to": "a@example.com"}, request_id)

    def test_rolled_back_with_its_cause(self, database: Database, other_session: Connection) -> None:
        with database.unit_of_work() as unit:
            unit.jobs.add(NewJob("test.note", {}))
        assert count(other_session) == 0

    @pytest.mark.parametrize("kind", ["", "note", "Test.note", "test.note "])
    def test_an_invalid_kind(self, kind: str) -> None:
        with pytest.raises(ValueError, match="a kind is"):
            NewJob(kind, {})

    def test_a_payload_that_is_too_large(self) -> None:
        with pytest.raises(ValueError, match="8192 bytes"):
            NewJob("test.note", {"body": "x" * 8192})

    def test_a_mail_that_supersedes_nothing(self) -> None:
        """A client that requests mails for an address could flood it."""
        with pytest.raises(ValueError, match="supersedes"):
            NewJob("mail.test", {})


class TestSupersede:
    @pytest.fixture(autouse=True)
    def older(self, database: Database) -> None:
        """Queue a job, and another with another subject."""
        self.add(database, "older")
        self.add(database, "other", supersedes="other")

    def add(self, database: Database, note: str, *, supersedes: str = "one", after: timedelta = timedelta(0)) -> None:
        with database.unit_of_work() as unit:
            unit.jobs.add(NewJob("test.note", {"note": note}, supersedes=supersedes, after=after))
            unit.commit()

    def left(self, other_session: Connection) -> set[str]:
        found = set(other_session.scalars(text("SELECT payload->>'note' FROM jobs")))
        other_session.rollback()
        return found

    def test_the_newest_takes_the_place_of_the_one_that_waits(
        self, database: Database, other_session: Connection
    ) -> None:
        self.add(database, "newer", after=timedelta(minutes=1))
        self.add(database, "newest", after=timedelta(minutes=1))
        assert self.left(other_session) == {"newest", "other"}

    def test_of_two_at_once_the_later_takes_the_place_of_the_earlier(
        self, app: Flask, database: Database, other_session: Connection
    ) -> None:
        """Neither transaction sees the row of the other until that has ended."""

        def add() -> None:
            with app.app_context():
                self.add(database, "newest")

        with ThreadPoolExecutor(1) as pool:
            with database.unit_of_work() as unit:
                unit.jobs.add(NewJob("test.note", {"note": "newer"}, supersedes="one"))
                adding = pool.submit(add)
                with pytest.raises(TimeoutError):
                    adding.result(0.5)
                unit.commit()
            adding.result(10)
        assert self.left(other_session) == {"newest", "other"}

    def test_one_that_is_being_done_stays(self, database: Database, other_session: Connection) -> None:
        job = taken(database)
        self.add(database, "newer")
        assert self.left(other_session) == {"older", "newer", "other"}
        with database.unit_of_work() as unit:
            assert unit.jobs.finish(job)
            unit.commit()

    def test_one_that_failed_and_waits_for_its_next_attempt_goes(
        self, database: Database, other_session: Connection
    ) -> None:
        job = taken(database)
        with database.unit_of_work() as unit:
            unit.jobs.reschedule(job, error="later", after=timedelta(hours=1))
            unit.commit()
        self.add(database, "newer")
        assert self.left(other_session) == {"newer", "other"}

    def test_a_dead_one_stays_for_people_to_see(self, database: Database, other_session: Connection) -> None:
        job = taken(database)
        with database.unit_of_work() as unit:
            unit.jobs.reschedule(job, error="never", after=None)
            unit.commit()
        self.add(database, "newer")
        assert self.left(other_session) == {"older", "newer", "other"}

    def test_it_waits_as_long_as_it_should(self, database: Database, other_session: Connection) -> None:
        self.add(database, "newer", after=timedelta(minutes=5))
        waits = "SELECT run_time - create_time FROM jobs WHERE payload->>'note' = 'newer'"
        assert other_session.scalar(text(waits)) == timedelta(minutes=5)
        other_session.rollback()


class TestTake:
    def test_ok_one_after_the_other_the_oldest_first(self, database: Database) -> None:
        add(database, number="1")
        add(database, number="2")
        found = [take(database), take(database), take(database)]
        assert [job and job.payload["number"] for job in found] == ["1", "2", None]

    def test_a_job_that_another_worker_is_leasing_is_skipped(
        self, database: Database, other_session: Connection
    ) -> None:
        add(database, number="1")
        add(database, number="2")
        other_session.execute(text("SELECT FROM jobs WHERE payload->>'number' = '1' FOR UPDATE"))
        assert taken(database).payload["number"] == "2"
        other_session.rollback()

    def test_kinds_that_are_not_known_wait(self, database: Database) -> None:
        add(database, "test.later")
        assert take(database) is None
        assert take(database, "test.later") is not None

    def test_again_when_the_lease_is_over(self, database: Database, other_session: Connection) -> None:
        add(database)
        assert taken(database).attempts == 1
        assert take(database) is None
        expire(other_session)
        again = taken(database)
        assert (again.attempts, again.fence) == (2, 2)


class TestFinish:
    def test_ok(self, database: Database, other_session: Connection) -> None:
        add(database, token="secret")
        job = taken(database)
        with database.unit_of_work() as unit:
            assert unit.jobs.finish(job)
            unit.commit()
        assert count(other_session) == 0

    def test_a_late_worker_is_fenced(self, database: Database, other_session: Connection) -> None:
        add(database)
        late = taken(database)
        expire(other_session)
        present = taken(database)
        assert (present.id, present.fence) == (late.id, late.fence + 1)
        with database.unit_of_work() as unit:
            assert not unit.jobs.finish(late)
            assert not unit.jobs.reschedule(late, error="late", after=None)
            assert unit.jobs.finish(present)
            unit.commit()
        assert count(other_session) == 0


class TestPutBack:
    def test_ok(self, database: Database, other_session: Connection) -> None:
        add(database)
        with database.unit_of_work() as unit:
            assert unit.jobs.reschedule(taken(database), error="ValueError: no", after=timedelta(hours=1))
            unit.commit()
        assert take(database) is None
        expire(other_session)
        again = taken(database)
        with database.unit_of_work() as unit:
            found = unit.jobs.find(again.id)
            assert found is not None
            assert (found.attempts, found.last_error) == (2, "ValueError: no")

    def test_dead_and_revived(self, database: Database, other_session: Connection) -> None:
        add(database)
        with database.unit_of_work() as unit:
            unit.jobs.reschedule(taken(database), error="ValueError: no", after=None)
            unit.commit()
        expire(other_session)
        assert take(database) is None
        with database.unit_of_work() as unit:
            (dead,) = unit.jobs.list(JobState.DEAD)
            assert unit.jobs.find(dead.id) is dead
            assert unit.jobs.revive(UUID(int=0)) == 0
            assert unit.jobs.revive(dead.id) == 1
            assert unit.jobs.revive(None) == 0
            unit.commit()
        assert taken(database).attempts == 1
