"""PostgreSQL's processes end, hang, or are not there yet."""

import os
import signal
import threading
import time
from typing import Final

from tests.drill.environment import Environment
from tests.drill.http_client import Answer
from tests.drill.verdicts import Verdict
from tests.stack.deployment import fetch, is_ready

IMPATIENT: Final = 12
WORK_SLOTS: Final = 4
OF_REQUESTS: Final = " AND backend_type = 'client backend' AND query = 'COMMIT'"


def postgres_restarted(stage: Environment) -> None:
    """Restart PostgreSQL as ``pg_ctl restart -m fast`` does.

    While it is away every failure is 503 with Retry-After; the first success comes within 2 s after it accepts again.
    """
    began = time.monotonic()
    stage.database.stop()
    stage.database.start()
    stage.heal()
    stage.note(f"away for {stage.healed_at - began:.1f} s")
    _expect_first_success(stage, within=2)


def postgres_crashed(stage: Environment) -> None:
    """Kill a session's process with SIGKILL: PostgreSQL ends all others and recovers from its log.

    As a restart: 503, and the first success within 2 s after it accepts again.
    """
    victim, began = stage.database.sessions()[0], time.monotonic()
    os.kill(victim, signal.SIGKILL)
    stage.database.wait_until_accepting()
    stage.heal()
    stage.note(f"away for {stage.healed_at - began:.1f} s")
    _expect_first_success(stage, within=2)


def sessions_terminated(stage: Environment) -> None:
    """Terminate every session of the service's each 500 ms.

    Reads are tried once more and succeed; writes succeed or are 503.
    """
    began, ended = time.monotonic(), 0
    while time.monotonic() - began < 6:
        ended += stage.database.terminate_sessions()
        stage.wait(0.5)
    stage.heal()
    reads = stage.ledger.of("get", "list", since=began)
    good = sum(each.status == 200 for each in reads) / max(1, len(reads))
    missed = sum(each.status != 200 for each in reads)
    allowed = max(1, len(reads) // 1000)  # 99.9 %, or all but one where there are too few to tell
    stage.expect(missed <= allowed, f"only {good:.2%} of the reads succeeded")
    stage.note(f"{ended} sessions ended, {good:.1%} of {len(reads)} reads answered")


def postgres_frozen(stage: Environment) -> None:
    """Stop every process of PostgreSQL by SIGSTOP: connections stay up, and nothing answers.

    Nobody waits longer than the budget and 500 ms; once the breaker is open, refusals take 50 ms.
    """
    began = time.monotonic()
    stage.database.freeze()
    with stage.crowd(48):
        stage.wait(15)
        late = stage.refused(since=time.monotonic() - 4)
        stage.database.thaw()
        stage.heal()
    slowest = max((each.seconds for each in stage.ledger.of(since=began - 1)), default=0)
    stage.note(f"the longest wait {slowest:.1f} s")
    median = late[len(late) // 2] if late else float("inf")
    stage.expect(median <= 0.05, f"after 11 s refusals still take {median:.2f} s, not 0.05")
    stage.note(f"refusals of the last 4 s: {len(late)}, {median * 1000:.0f} ms in the middle")
    _expect_first_success(stage, within=2)


def frozen_with_impatient_clients(stage: Environment) -> None:
    """Stop every process of PostgreSQL by SIGSTOP, while 12 clients at a time wait no longer than 2 s (C10).

    Of these no more than a worker has slots are 504, for each worker; then all are 503 at once, and none is the probe.
    """
    began, is_over = time.monotonic(), threading.Event()
    answers: list[Answer] = []

    def call() -> None:
        while not is_over.is_set():
            answers.append(stage.send("GET", "/v1/tasks?page_size=5", **{"Request-Timeout": "2"}))
            time.sleep(0.2)

    stage.database.freeze()
    clients = [threading.Thread(target=call) for _ in range(IMPATIENT)]
    for each in clients:
        each.start()
    stage.wait(12)
    is_over.set()
    for each in clients:
        each.join()
    stage.database.thaw()
    stage.heal()
    late = sum(each.status == 504 for each in answers)
    most = len(stage.deployment.workers) * WORK_SLOTS
    stage.expect(late <= most, f"{late} clients waited their whole budget, not {most} at most")
    settled = [each.seconds for each in answers if each.began > began + 5]
    stage.expect(
        bool(settled) and max(settled) < 1, f"a client waited {max(settled, default=0):.1f} s for the database"
    )
    stage.note(
        f"{late} of {len(answers)} impatient clients waited 2 s; after 5 s the longest wait is {max(settled):.2f} s"
    )
    _expect_first_success(stage, within=2)


def standby_lost(stage: Environment) -> None:
    """Have every COMMIT wait for a synchronous standby that is not there, for longer than any budget (C2).

    No write is acknowledged, and beyond half of the slots of a worker they are 503 at once; no more COMMITs wait than
    these; every read is answered. Three seconds after the standby is given up all is as before.
    """
    began = time.monotonic()
    _set_standby(stage, "SET synchronous_standby_names = 'nobody'")
    stage.wait(13)
    waiting = stage.database.run("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'" + OF_REQUESTS)
    most = len(stage.deployment.workers) * (WORK_SLOTS // 2 + 1)  # each worker has one more to store failed requests
    stage.expect(0 < waiting[0][0] <= most, f"{waiting[0][0]} COMMITs wait, not {most} at most")
    _set_standby(stage, "RESET synchronous_standby_names")
    stage.heal()
    reads = stage.ledger.of("get", "list", since=began)
    missed = [each.status for each in reads if each.verdict is not Verdict.ANSWERED]
    stage.expect(not missed, f"{len(missed)} of {len(reads)} reads were refused: {sorted(set(missed))}")
    writes = stage.ledger.of("keyed", "unkeyed", "patch", since=began + 1, until=stage.healed_at - 11)
    stage.expect(all(each.status in {503, 504} for each in writes), "no write is acknowledged meanwhile")
    stage.note(f"{len(reads)} reads answered, {len(writes)} writes refused, {waiting[0][0]} COMMITs waited")
    _expect_first_success(stage, within=3)


def _set_standby(stage: Environment, setting: str) -> None:
    stage.database.run(f"ALTER SYSTEM {setting}")
    stage.database.run("SELECT pg_reload_conf()")


def postgres_absent_at_boot(stage: Environment) -> None:
    """Start an instance while PostgreSQL is down, and PostgreSQL a little later.

    The process lives, /healthz is 200, /readyz 503; it is ready within 3 s after PostgreSQL is there, by itself.
    """
    stage.database.stop()
    socket, master = stage.deployment.sockets[0], stage.deployment.masters[0]
    os.kill(master, signal.SIGTERM)
    stage.expect_soon(lambda: master not in stage.deployment.masters and _lives(stage), 20, "another master starts")
    fresh = stage.deployment.masters
    stage.expect(fetch(socket, "/readyz").startswith(b"HTTP/1.1 503"), "/readyz is 503 without a database")
    stage.wait(1)
    stage.expect(_lives(stage), "/healthz is 200 without a database")
    stage.database.start()
    stage.heal()
    took = stage.expect_soon(lambda: is_ready(socket), 3, "the instance is ready")
    stage.expect(stage.deployment.masters == fresh, "the process that was started without a database serves")
    stage.note(f"ready {took:.1f} s after PostgreSQL")


def _lives(stage: Environment) -> bool:
    return fetch(stage.deployment.sockets[0], "/healthz").startswith(b"HTTP/1.1 200")


def _expect_first_success(stage: Environment, *, within: float) -> None:
    def first() -> float | None:
        return next(
            (each.ended for each in stage.ledger.of() if each.ended > stage.healed_at and each.status < 300), None
        )

    stage.expect_soon(lambda: first() is not None, 15, "an answer after the fault")
    took = (first() or float("inf")) - stage.healed_at
    stage.expect(took <= within, f"the first success came after {took:.1f} s, not {within:g}")
    stage.note(f"first success {took:.2f} s after it accepts")
