"""Other sessions stand in the service's way: locks, deadlocks, and too many connections."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, Final

import psycopg

from tests.drill.environment import OURS, SCALE, Environment
from tests.drill.history import Creation
from tests.drill.http_client import Answer
from tests.drill.verdicts import Outcome, outcome

INSERT: Final = b"""
    INSERT INTO tasks (id, title, status, priority, create_time, update_time, created_by, tags, version)
    VALUES (gen_random_uuid(), %s, 1, 2, now(), now(), 'owner-0', '{}', 1)"""
WAITING: Final = f"SELECT 1 FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock' AND query LIKE 'INSERT%'"
FLAKY: Final = """
    CREATE SEQUENCE drill_tries;
    GRANT USAGE ON SEQUENCE drill_tries TO candor;
    CREATE FUNCTION drill_fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.title LIKE '%/never-%' OR nextval('drill_tries') % 3 <> 0 THEN
            RAISE SQLSTATE '40001' USING MESSAGE = 'a forced serialization failure';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER drill_fails BEFORE INSERT ON tasks FOR EACH ROW
        WHEN (NEW.title LIKE '%/flaky-%' OR NEW.title LIKE '%/never-%') EXECUTE FUNCTION drill_fails();
    CREATE SEQUENCE drill_never;
    GRANT USAGE ON SEQUENCE drill_never TO candor;
    CREATE FUNCTION drill_counts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('drill_never');
        RETURN NEW;
    END $$;
    CREATE TRIGGER drill_counts BEFORE INSERT ON tasks FOR EACH ROW
        WHEN (NEW.title LIKE '%/never-%') EXECUTE FUNCTION drill_counts()"""
STEADY: Final = """
    DROP TRIGGER drill_fails ON tasks; DROP FUNCTION drill_fails; DROP SEQUENCE drill_tries;
    DROP TRIGGER drill_counts ON tasks; DROP FUNCTION drill_counts; DROP SEQUENCE drill_never"""


def table_locked(stage: Environment) -> None:
    """Hold ACCESS EXCLUSIVE on the tasks while 64 more clients come, so that every connection waits.

    Reads and writes are refused within 3.5 s (a lock is waited for 2 s, a connection 1 s); 401, 404, 405, OPTIONS and
    /healthz are answered as ever; 3 s after the release nothing is refused any more.
    """
    with stage.crowd(64), closing(stage.database.connect(autocommit=False)) as session:
        session.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        stage.watch_bystanders(6)
        session.rollback()
        stage.heal()
    refused = stage.refused(since=began)
    stage.expect(bool(refused), "somebody is refused")
    stage.expect(not refused or refused[-1] <= 3.5, f"a refusal took {max(refused, default=0):.1f} s")
    stage.note(f"refusals {_middle(refused):.2f} s in the middle, {max(refused, default=0):.1f} s at most")


def connections_taken(stage: Environment) -> None:
    """End the service's sessions and take every connection that PostgreSQL has to give.

    503; no worker ends; served again within 5 s after the connections are free.
    """
    workers = stage.deployment.workers
    with ExitStack() as taken:
        taken_at = time.monotonic()
        while time.monotonic() - taken_at < 1:
            stage.database.terminate_sessions()
            try:
                for _ in range(100):
                    taken.enter_context(closing(stage.database.connect(user="candor")))
            except psycopg.OperationalError:
                continue
        stage.watch_bystanders(4)
    stage.heal()
    stage.expect(bool(stage.refused(since=taken_at)), "somebody is refused")
    stage.expect(stage.deployment.workers == workers, "the workers are the same as before")


def deadlocks(stage: Environment) -> None:
    """Insert the second title of a batch, and the first one once the batch waits for the second.

    PostgreSQL ends the service's transaction (40P01), which is done again: every batch is answered 200.
    """
    before = _deadlocks(stage)
    rounds = max(3, round(3 * SCALE))
    answers = [_deadlock(stage, number) for number in range(rounds)]
    stage.heal()
    stage.expect_soon(lambda: _deadlocks(stage) - before >= rounds, 12, "a deadlock for every batch")
    good = sum(answer.status == 200 for answer in answers)
    stage.expect(good == rounds, f"only {good} of {rounds} batches were answered 200")
    stage.note(f"{_deadlocks(stage) - before} deadlocks, {good} of {rounds} batches 200")


def _deadlock(stage: Environment, number: int) -> Answer:
    titles = [f"{stage.ledger.tag}/deadlock-{number}-{letter}" for letter in "ab"]
    body = {"requests": [{"task": {"title": title}} for title in titles]}
    with ThreadPoolExecutor() as pool, closing(stage.database.connect(autocommit=False)) as session:
        session.execute("SET LOCAL deadlock_timeout = '10s'")  # so that it is the other one who notices
        session.execute(INSERT, (titles[1],))
        asked = pool.submit(stage.send, "POST", "/v1/tasks:batchCreate", body)
        stage.expect_soon(lambda: bool(stage.database.run(WAITING)), 2, "the batch waits")
        try:
            session.execute(INSERT, (titles[0],))
        except psycopg.errors.DeadlockDetected:
            stage.note("here the drill's own transaction was ended")
        session.rollback()
        answer = asked.result()
    stage.ledger.enter("batch", answer)
    made = {task["title"]: task["name"] for task in answer.json["tasks"]} if answer.status == 200 else {}
    stage.ledger.creations += [Creation(title, outcome(answer), made.get(title, "")) for title in titles]
    return answer


def _deadlocks(stage: Environment) -> int:
    [(count,)] = stage.database.run("SELECT deadlocks FROM pg_stat_database WHERE datname = 'candor'")
    return int(count)


def serialization_failures(stage: Environment) -> None:
    """Have a trigger raise 40001 twice and then pass, and another raise it for ever.

    The first is done again and succeeds at the third attempt; the second is 503 after as many attempts as there are.
    """
    stage.database.run(FLAKY)
    try:
        flaky = [_create(stage, f"flaky-{number}") for number in range(5)]
        never = _create(stage, "never-0")
        [(attempts,)] = stage.database.run("SELECT last_value FROM drill_never")
    finally:
        stage.database.run(STEADY)
    stage.heal()
    good = sum(answer.status == 201 for answer in flaky)
    stage.expect(good == len(flaky), f"only {good} of {len(flaky)} creations succeeded at the third attempt")
    stage.expect(never.status == 503, f"what never succeeds is 503, not {never.status}")
    stage.expect(attempts == 3, f"what never succeeds was attempted {attempts} times, not 3")
    stage.note(f"{good} of {len(flaky)} at the third attempt, in {max(each.seconds for each in flaky):.2f} s at most")


def _create(stage: Environment, name: str) -> Answer:
    title = f"{stage.ledger.tag}/{name}"
    answer = stage.send("POST", "/v1/tasks", {"task": {"title": title}})
    stage.ledger.enter("unkeyed", answer)
    stage.ledger.created(title, [answer])
    if answer.status == 503:
        kept: list[tuple[Any, ...]] = stage.database.run("SELECT 1 FROM tasks WHERE title = %s", title)
        stage.expect(not kept, "nothing of what was refused is kept")
        stage.expect(outcome(answer) is not Outcome.ACKNOWLEDGED, "a refusal acknowledges nothing")
    return answer


def _middle(seconds: list[float]) -> float:
    return seconds[len(seconds) // 2] if seconds else 0.0
