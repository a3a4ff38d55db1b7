"""Processes of the service are killed, stopped, replaced."""

import itertools
import os
import random
import signal
import time
from contextlib import suppress

from tests.drill.environment import SCALE, Environment
from tests.drill.verdicts import Verdict

HEARTBEAT = 15.0
"""Seconds after which gunicorn gives a worker up."""


def workers_killed(stage: Environment) -> None:
    """Kill a worker with SIGKILL every 2 s.

    Reads and creations with a key never fail; what was in that worker's hands and may not be sent twice is 503.
    """
    began = time.monotonic()
    kills = 0
    for number in range(4):
        os.kill(stage.deployment.workers[number % 2], signal.SIGKILL)
        kills += 1
        stage.wait(2)
    stage.heal()
    reads = stage.ledger.of("get", "list", since=began)
    stage.expect({each.status for each in reads} == {200}, "reads never fail")
    keyed = stage.ledger.of("keyed", since=began)
    stage.expect({each.status for each in keyed} <= {201, 409}, "creations with a key never fail")
    others = [each for each in stage.ledger.of(since=began) if each.verdict is Verdict.REFUSED]
    stage.expect(len(others) <= kills * 16, "a worker holds 16 requests at most")
    stage.note(f"{kills} kills, {len(others)} refused, none of them a read or with a key")


def worker_stopped(stage: Environment) -> None:
    """Stop a worker by SIGSTOP until gunicorn gives it up after 15 s.

    Others serve; what it held is refused at the end of the budget.
    """
    stopped = stage.deployment.workers[0]
    os.kill(stopped, signal.SIGSTOP)
    took = stage.expect_soon(lambda: stopped not in stage.deployment.workers, HEARTBEAT + 5, "it is replaced")
    stage.heal()
    stage.expect_soon(lambda: len(stage.deployment.workers) == 4, 5, "there are four workers")
    stage.note(f"replaced after {took:.0f} s")


def instances_replaced(stage: Environment) -> None:
    """Replace one instance after the other, by SIGTERM and a new process.

    Nobody notices.
    """
    began = time.monotonic()
    stage.deployment.replace_all()
    stage.heal()
    stage.expect_unnoticed(since=began)


def workers_reloaded(stage: Environment) -> None:
    """Send SIGHUP to both instances: new workers, then the old ones end.

    Nobody notices.
    """
    began, before = time.monotonic(), set(stage.deployment.workers)
    for master in stage.deployment.masters:
        os.kill(master, signal.SIGHUP)
    stage.expect_soon(lambda: _are_all_new(stage, before), 20, "all workers are new")
    stage.heal()
    stage.expect_unnoticed(since=began)


def master_killed(stage: Environment) -> None:
    """Kill a gunicorn master with SIGKILL: its workers notice and end, and it is started again.

    The other instance serves meanwhile, as when workers are killed; both are ready within 6 s.
    """
    began, master = time.monotonic(), stage.deployment.masters[0]
    os.kill(master, signal.SIGKILL)
    stage.expect_soon(lambda: master not in stage.deployment.masters, 5, "another master starts")
    took = stage.expect_soon(stage.is_whole, 6, "both are ready")
    stage.heal()
    reads = stage.ledger.of("get", "list", since=began)
    stage.expect({each.status for each in reads} == {200}, "reads never fail")
    stage.note(f"both ready after {took:.1f} s")


def everything_killed(stage: Environment) -> None:
    """Kill workers every 0.7 s, and in between crash, restart and cut off PostgreSQL, under 48 more clients.

    Refused or answered; no acknowledged write is lost, and none is done twice.
    """
    chance = random.Random(1)
    kinds = itertools.cycle(["crash", "cut", "restart"])
    with stage.crowd(48):
        for _ in range(round(4 * SCALE)):
            for _ in range(3):
                os.kill(chance.choice(stage.deployment.workers), signal.SIGKILL)
                time.sleep(0.7)
            _hurt_database(stage, next(kinds))
        stage.heal()


def _hurt_database(stage: Environment, how: str) -> None:
    if how == "cut":
        stage.database.terminate_sessions()
    elif how == "restart":
        stage.database.stop()
        stage.database.start()
    else:
        with suppress(ProcessLookupError, IndexError):
            os.kill(stage.database.sessions()[0], signal.SIGKILL)
        stage.database.wait_until_accepting()


def _are_all_new(stage: Environment, before: set[int]) -> bool:
    workers = set(stage.deployment.workers)
    return len(workers) == 4 and not workers & before
