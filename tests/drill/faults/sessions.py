"""Other database sessions block the service: locks, deadlocks, and too many connections."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
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


def table_locked(env: Environment) -> None:
    """Hold ACCESS EXCLUSIVE on the tasks while 64 more clients make every connection wait.

    Reads and writes are rejected within 3.5 s (2 s for the lock, 1 s for a connection); 401, 404, 405, OPTIONS and
    /healthz are as usual; 3 s after the release no request is rejected.
    """
    with env.crowd(64), closing(env.database.connect(autocommit=False)) as session:
        session.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        env.watch_bystanders(6)
        session.rollback()
        env.heal()
    rejected = env.rejected(since=began)
    env.expect(bool(rejected), "a request is rejected")
    env.expect(not rejected or rejected[-1] <= 3.5, f"a rejection took {max(rejected, default=0):.1f} s")
    env.note(f"rejections: median {_middle(rejected):.2f} s, {max(rejected, default=0):.1f} s at most")


def connections_taken(env: Environment) -> None:
    """Terminate the service's sessions and take all connections that PostgreSQL allows.

    503; no worker ends; requests succeed within 5 s after the connections are free.
    """
    workers = env.deployment.workers
    with ExitStack() as taken:
        taken_at = time.monotonic()
        while time.monotonic() - taken_at < 1:
            with suppress(psycopg.OperationalError):  # all are taken, also those of superusers
                env.database.terminate_sessions()
                for _ in range(100):
                    taken.enter_context(closing(env.database.connect(user="candor")))
        env.watch_bystanders(4)
    env.heal()
    env.expect(bool(env.rejected(since=taken_at)), "a request is rejected")
    env.expect(env.deployment.workers == workers, "the workers are the same as before")


def deadlocks(env: Environment) -> None:
    """Insert the second title of a batch, and the first one once the batch waits for the second.

    PostgreSQL ends the service's transaction (40P01), and the service runs it again: every batch returns 200.
    """
    before = _deadlocks(env)
    rounds = max(3, round(3 * SCALE))
    answers = [_deadlock(env, number) for number in range(rounds)]
    env.heal()
    env.expect_soon(lambda: _deadlocks(env) - before >= rounds, 12, "a deadlock for every batch")
    good = sum(answer.status == 200 for answer in answers)
    env.expect(good == rounds, f"only {good} of {rounds} batches were answered 200")
    env.note(f"{_deadlocks(env) - before} deadlocks, {good} of {rounds} batches 200")


def _deadlock(env: Environment, number: int) -> Answer:
    titles = [f"{env.ledger.tag}/deadlock-{number}-{letter}" for letter in "ab"]
    body = {"requests": [{"task": {"title": title}} for title in titles]}
    with ThreadPoolExecutor() as pool, closing(env.database.connect(autocommit=False)) as session:
        session.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the other session detects the deadlock
        session.execute(INSERT, (titles[1],))
        pending = pool.submit(env.send, "POST", "/v1/tasks:batchCreate", body)
        env.expect_soon(lambda: bool(env.database.run(WAITING)), 2, "the batch waits")
        try:
            session.execute(INSERT, (titles[0],))
        except psycopg.errors.DeadlockDetected:
            env.note("here the drill's own transaction was ended")
        session.rollback()
        answer = pending.result()
    env.ledger.enter("batch", answer)
    made = {task["title"]: task["name"] for task in answer.json["tasks"]} if answer.status == 200 else {}
    env.ledger.creations += [Creation(title, outcome(answer), made.get(title, "")) for title in titles]
    return answer


def _deadlocks(env: Environment) -> int:
    [(count,)] = env.database.run("SELECT deadlocks FROM pg_stat_database WHERE datname = 'candor'")
    return int(count)


def serialization_failures(env: Environment) -> None:
    """Let a trigger raise 40001 twice and then succeed, and another raise it always.

    The first creation succeeds at the third attempt; the second returns 503 after the same number of attempts.
    """
    env.database.run(FLAKY)
    try:
        flaky = [_create(env, f"flaky-{number}") for number in range(5)]
        never = _create(env, "never-0")
        [(attempts,)] = env.database.run("SELECT last_value FROM drill_never")
    finally:
        env.database.run(STEADY)
    env.heal()
    good = sum(answer.status == 201 for answer in flaky)
    env.expect(good == len(flaky), f"only {good} of {len(flaky)} creations succeeded at the third attempt")
    env.expect(never.status == 503, f"what never succeeds is 503, not {never.status}")
    env.expect(attempts == 3, f"what never succeeds was attempted {attempts} times, not 3")
    env.note(f"{good} of {len(flaky)} at the third attempt, in {max(each.seconds for each in flaky):.2f} s at most")


def _create(env: Environment, name: str) -> Answer:
    title = f"{env.ledger.tag}/{name}"
    answer = env.send("POST", "/v1/tasks", {"task": {"title": title}})
    env.ledger.enter("unkeyed", answer)
    env.ledger.created(title, [answer])
    if answer.status == 503:
        kept: list[tuple[Any, ...]] = env.database.run("SELECT 1 FROM tasks WHERE title = %s", title)
        env.expect(not kept, "a rejected write is not stored")
        env.expect(outcome(answer) is not Outcome.ACKNOWLEDGED, "a rejection acknowledges nothing")
    return answer


def _middle(seconds: list[float]) -> float:
    return seconds[len(seconds) // 2] if seconds else 0.0
