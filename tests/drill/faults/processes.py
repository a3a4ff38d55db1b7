"""Processes of the service are killed, suspended or replaced."""

import itertools
import os
import random
import signal
import time
from contextlib import suppress

from tests.drill.environment import SCALE, Environment
from tests.drill.verdicts import Verdict

HEARTBEAT = 15.0
"""Seconds after which gunicorn replaces a worker."""


def workers_killed(env: Environment) -> None:
    """Kill a worker with SIGKILL every 2 s.

    Reads and creations with a key never fail; requests of that worker that must not be sent twice get 503.
    """
    began = time.monotonic()
    kills = 0
    for number in range(4):
        os.kill(env.deployment.workers[number % 2], signal.SIGKILL)
        kills += 1
        env.wait(2)
    env.heal()
    reads = env.ledger.of("get", "list", since=began)
    env.expect({each.status for each in reads} == {200}, "reads never fail")
    keyed = env.ledger.of("keyed", since=began)
    env.expect({each.status for each in keyed} <= {201, 409}, "creations with a key never fail")
    others = [each for each in env.ledger.of(since=began) if each.verdict is Verdict.REJECTED]
    env.expect(len(others) <= kills * 16, "a worker holds 16 requests at most")
    env.note(f"{kills} kills, {len(others)} rejected, none of them a read or with a key")


def worker_stopped(env: Environment) -> None:
    """Suspend a worker by SIGSTOP until gunicorn replaces it after 15 s.

    Others serve; the requests of the suspended worker are rejected at the end of the budget.
    """
    stopped = env.deployment.workers[0]
    os.kill(stopped, signal.SIGSTOP)
    took = env.expect_soon(lambda: stopped not in env.deployment.workers, HEARTBEAT + 5, "it is replaced")
    env.heal()
    env.expect_soon(lambda: len(env.deployment.workers) == 4, 5, "there are four workers")
    env.note(f"replaced after {took:.0f} s")


def instances_replaced(env: Environment) -> None:
    """Replace one instance after the other, by SIGTERM and a new process.

    No client notices.
    """
    began = time.monotonic()
    env.deployment.replace_all()
    env.heal()
    env.expect_unnoticed(since=began)


def workers_reloaded(env: Environment) -> None:
    """Send SIGHUP to both instances: new workers, then the old ones end.

    No client notices.
    """
    began, before = time.monotonic(), set(env.deployment.workers)
    for master in env.deployment.masters:
        os.kill(master, signal.SIGHUP)
    env.expect_soon(lambda: _are_all_new(env, before), 20, "all workers are new")
    env.heal()
    env.expect_unnoticed(since=began)


def master_killed(env: Environment) -> None:
    """Kill a gunicorn master with SIGKILL: its workers notice and end, and the supervisor starts another.

    The other instance serves in the meantime; both are ready within 6 s.
    """
    began, master = time.monotonic(), env.deployment.masters[0]
    os.kill(master, signal.SIGKILL)
    env.expect_soon(lambda: master not in env.deployment.masters, 5, "another master starts")
    took = env.expect_soon(env.is_whole, 6, "both are ready")
    env.heal()
    reads = env.ledger.of("get", "list", since=began)
    env.expect({each.status for each in reads} == {200}, "reads never fail")
    env.note(f"both ready after {took:.1f} s")


def everything_killed(env: Environment) -> None:
    """Kill workers every 0.7 s, and in between crash, restart and disconnect PostgreSQL, under 48 more clients.

    Each request succeeds or is rejected; no acknowledged write is lost, and none is applied twice.
    """
    chance = random.Random(1)
    kinds = itertools.cycle(["crash", "cut", "restart"])
    with env.crowd(48):
        for _ in range(round(4 * SCALE)):
            for _ in range(3):
                os.kill(chance.choice(env.deployment.workers), signal.SIGKILL)
                time.sleep(0.7)
            _hurt_database(env, next(kinds))
        env.heal()


def _hurt_database(env: Environment, how: str) -> None:
    if how == "cut":
        env.database.terminate_sessions()
    elif how == "restart":
        env.database.stop()
        env.database.start()
    else:
        with suppress(ProcessLookupError, IndexError):
            os.kill(env.database.sessions()[0], signal.SIGKILL)
        env.database.wait_until_accepting()


def _are_all_new(env: Environment, before: set[int]) -> bool:
    workers = set(env.deployment.workers)
    return len(workers) == 4 and not workers & before
