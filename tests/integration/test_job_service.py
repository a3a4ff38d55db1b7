"""Jobs run once, again after a failure, or fail finally; on a real queue."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from app import errs, request_context
from app.models.jobs import MAX_ATTEMPTS, Backlog, ClaimedJob, JobState, NewJob
from app.models.tasks import NewTask
from app.observability import metrics
from app.request_context import Principal
from app.resilience import deadline
from app.resilience.clock import SystemClock
from app.services.jobs import Ended, Handler, JobService, Outcome
from app.services.tasks import TaskService
from app.wiring.event_hooks import count_job, log_job
from tests.integration.conftest import Database
from tests.sent_statements import seen

KIND = "test.note"
ALICE = Principal("alice", frozenset())


def fail(_job: ClaimedJob) -> None:
    raise ValueError("it does not work")


def reject(_job: ClaimedJob) -> None:
    raise errs.E("test", kind=errs.Kind.INVALID_REQUEST)


@pytest.fixture
def reported_attempts() -> list[Ended]:
    """Return the events that the service reports about its attempts."""
    return []


@pytest.fixture
def service(database: Database, reported_attempts: list[Ended]) -> Callable[..., JobService]:
    """Return a factory of services by their handler of ``test.note``."""

    def make(handler: Handler, *, hooks: tuple[Callable[[Ended], None], ...] = ()) -> JobService:
        hooks = (reported_attempts.append, *hooks)
        return JobService(unit_of_work=database.unit_of_work, handlers={KIND: handler}, hooks=hooks, chance=lambda: 1)

    return make


@pytest.fixture
def add(database: Database) -> Callable[..., None]:
    """Return a function that queues a job."""

    def add(**payload: str) -> None:
        with database.unit_of_work() as unit:
            unit.jobs.add(NewJob("test.note", payload))
            unit.commit()

    return add


def attempt(jobs: JobService) -> Outcome:
    """Run the next job."""
    job = jobs.claim(owner="test")
    assert job is not None
    return jobs.run(job)


def expire(other_session: Connection) -> None:
    other_session.execute(text("UPDATE jobs SET run_time = now()"))
    other_session.commit()


def creates_a_task(database: Database) -> Handler:
    tasks = TaskService(reads=database.task_reads, unit_of_work=database.unit_of_work, clock=SystemClock())

    def handle(job: ClaimedJob) -> None:
        tasks.create(NewTask(title=job.payload["title"]), by=ALICE)

    return handle


def tasks(other_session: Connection) -> int:
    found = int(other_session.execute(text("SELECT count(*) FROM tasks")).scalar_one())
    other_session.rollback()
    return found


class TestRun:
    def test_ok_and_nothing_is_left_of_it(
        self, service: Callable[..., JobService], add: Callable[..., None], reported_attempts: list[Ended]
    ) -> None:
        done: list[str] = []
        jobs = service(lambda job: done.append(job.payload["token"]))
        add(token="secret")
        assert attempt(jobs) is Outcome.DONE
        assert (done, jobs.list(), jobs.claim(owner="test")) == (["secret"], [], None)
        assert [(each.outcome, each.error) for each in reported_attempts] == [(Outcome.DONE, None)]

    def test_it_goes_by_the_ids_of_the_request_and_by_a_deadline(
        self, service: Callable[..., JobService], add: Callable[..., None]
    ) -> None:
        seen: list[tuple[str | None, str | None, float]] = []

        def look(_job: ClaimedJob) -> None:
            limit = deadline.current.get()
            assert limit is not None
            seen.append(
                (request_context.request_id.get(), request_context.trace_id.get(), limit.budget.total_seconds())
            )

        tokens = request_context.request_id.set("request-12345678"), request_context.trace_id.set("f" * 32)
        add()
        request_context.request_id.reset(tokens[0])
        request_context.trace_id.reset(tokens[1])
        attempt(service(look))
        assert seen == [("request-12345678", "f" * 32, 20.0)]
        assert request_context.request_id.get() is None

    def test_its_writes_are_committed_with_its_end(
        self,
        database: Database,
        service: Callable[..., JobService],
        add: Callable[..., None],
        other_session: Connection,
    ) -> None:
        add(title="Buy milk")
        assert attempt(service(creates_a_task(database))) is Outcome.DONE
        assert tasks(other_session) == 1

    def test_a_late_worker_has_no_effect(
        self,
        database: Database,
        service: Callable[..., JobService],
        add: Callable[..., None],
        other_session: Connection,
    ) -> None:
        """The writes of a worker whose lease had passed to another are rolled back, and the other worker's stay."""
        jobs = service(creates_a_task(database))
        add(title="Buy milk")
        late = jobs.claim(owner="late")
        assert late is not None
        expire(other_session)
        present = jobs.claim(owner="present")
        assert present is not None
        assert jobs.run(late) is Outcome.LOST
        assert tasks(other_session) == 0
        assert jobs.run(present) is Outcome.DONE
        assert tasks(other_session) == 1

    def test_a_failure_is_put_back_with_growing_pauses_and_others_go_on(
        self,
        service: Callable[..., JobService],
        add: Callable[..., None],
        reported_attempts: list[Ended],
        other_session: Connection,
    ) -> None:
        """A poison job is dead after N attempts, and does not delay other jobs."""
        jobs = service(lambda job: fail(job) if "poison" in job.payload else None)
        add(poison="yes")
        for number in range(1, MAX_ATTEMPTS + 1):
            add()
            assert attempt(jobs) is (Outcome.PUT_BACK if number < MAX_ATTEMPTS else Outcome.DEAD)
            assert attempt(jobs) is Outcome.DONE
            expire(other_session)
        assert jobs.claim(owner="test") is None
        pauses = [each.pause.total_seconds() for each in reported_attempts if each.pause]
        assert pauses[:4] == [5, 10, 20, 40]
        assert pauses[-1] == 3600
        (dead,) = jobs.list(JobState.DEAD)
        assert (dead.attempts, dead.last_error) == (MAX_ATTEMPTS, "ValueError: it does not work")

    def test_a_job_that_takes_each_worker_with_it_is_given_up_unseen(
        self, service: Callable[..., JobService], add: Callable[..., None], other_session: Connection
    ) -> None:
        seen: list[ClaimedJob] = []
        jobs = service(seen.append)
        add()
        for _ in range(MAX_ATTEMPTS):
            assert jobs.claim(owner="lost") is not None
            expire(other_session)
        assert attempt(jobs) is Outcome.DEAD
        assert seen == []

    def test_a_rejected_job_is_not_retried(self, service: Callable[..., JobService], add: Callable[..., None]) -> None:
        add()
        assert attempt(service(reject)) is Outcome.DEAD

    def test_nothing_is_kept_of_a_message_that_the_recipient_rejects_permanently(
        self, service: Callable[..., JobService], add: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither address nor token; an INFO entry without a stack, and a count."""

        def rejected(_job: ClaimedJob) -> None:
            error = errs.E("mail.send", kind=errs.Kind.INVALID_REQUEST, smtp_code=550, is_undeliverable=True)
            raise error from ValueError("<alice@example.com>: 550 no mailbox of that name")

        add(to="alice@example.com")
        labels = {"kind": KIND, "outcome": "rejected"}
        before = metrics.REGISTRY.get_sample_value("jobs_total", labels) or 0.0
        jobs = service(rejected, hooks=(log_job, count_job))
        with caplog.at_level(logging.INFO):
            assert attempt(jobs) is Outcome.REJECTED
        assert jobs.list() == []
        assert metrics.REGISTRY.get_sample_value("jobs_total", labels) == before + 1
        (record,) = [each for each in caplog.records if each.name == "candor.jobs"]
        assert (record.levelname, record.message) == ("INFO", f"job {KIND}: rejected")
        said = str(vars(record)["fields"])
        assert "550" in said
        assert not [word for word in ("alice", "stack", "no mailbox") if word in said]

    def test_data_in_the_error_stay_out_of_the_row(
        self, service: Callable[..., JobService], add: Callable[..., None]
    ) -> None:
        def leak(job: ClaimedJob) -> None:
            raise ValueError("cannot send to " + job.payload["to"])

        add(to="alice@example.com")
        jobs = service(leak)
        attempt(jobs)
        (job,) = jobs.list()
        assert job.last_error == "ValueError: cannot send to …"

    def test_an_error_of_the_catalogue_is_logged_with_its_call_chain(
        self, service: Callable[..., JobService], add: Callable[..., None]
    ) -> None:
        add()
        jobs = service(reject)
        attempt(jobs)
        (job,) = jobs.list()
        assert job.last_error == "test: Error: invalid_request_error"


class TestBacklogs:
    def test_ok(self, service: Callable[..., JobService], add: Callable[..., None]) -> None:
        jobs = service(fail)
        add()
        attempt(jobs)
        add()
        (backlog,) = jobs.backlogs()
        assert (backlog.queued, backlog.dead) == (2, 0)
        assert 0 <= backlog.overdue < 60

    def test_an_empty_queue_is_reported_for_each_kind(self, service: Callable[..., JobService]) -> None:
        jobs = service(fail)
        assert jobs.backlogs() == [Backlog(kind, 0, 0, 0.0) for kind in jobs.handlers]

    def test_dead_jobs_are_never_due(self, service: Callable[..., JobService], add: Callable[..., None]) -> None:
        add()
        jobs = service(reject)
        attempt(jobs)
        assert [(each.queued, each.dead, each.overdue) for each in jobs.backlogs()] == [(0, 1, 0.0)]


class TestRetry:
    def test_ok(self, service: Callable[..., JobService], add: Callable[..., None]) -> None:
        add()
        attempt(service(reject))
        jobs = service(lambda _job: None)
        (dead,) = jobs.list(JobState.DEAD)
        assert jobs.retry(dead.id) == 1
        assert attempt(jobs) is Outcome.DONE
        assert jobs.find(dead.id) is None

    def test_only_the_dead(self, service: Callable[..., JobService], add: Callable[..., None]) -> None:
        add()
        assert service(fail).retry(None) == 0


def test_the_clock_of_a_worker_does_not_matter(
    database: Database, service: Callable[..., JobService], add: Callable[..., None]
) -> None:
    """Every time in the queue is PostgreSQL's; no statement has a time as a parameter."""
    sent: list[object] = []

    with seen(database.engine, lambda _statement, parameters: sent.extend(parameters.values())):
        add()
        add()
        jobs = service(fail)
        attempt(jobs)
        jobs.handlers["test.note"] = lambda _job: None
        attempt(jobs)
    assert any(isinstance(value, timedelta) for value in sent)
    assert not [value for value in sent if isinstance(value, datetime)]
