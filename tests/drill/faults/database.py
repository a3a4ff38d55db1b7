"""PostgreSQL's processes end, hang, or have not started."""

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


def postgres_restarted(env: Environment) -> None:
    """Restart PostgreSQL as ``pg_ctl restart -m fast`` does.

    During the restart every failure is 503 with Retry-After; the first success is within 2 s after it accepts again.
    """
    began = time.monotonic()
    env.database.stop()
    env.database.start()
    env.heal()
    env.note(f"away for {env.healed_at - began:.1f} s")
    _expect_first_success(env, within=2)


def postgres_crashed(env: Environment) -> None:
    """Kill a session's process with SIGKILL: PostgreSQL ends all others and recovers from its write-ahead log.

    503, and the first success within 2 s after it accepts connections again.
    """
    victim, began = env.database.sessions()[0], time.monotonic()
    os.kill(victim, signal.SIGKILL)
    env.database.wait_until_accepting()
    env.heal()
    env.note(f"away for {env.healed_at - began:.1f} s")
    _expect_first_success(env, within=2)


def sessions_terminated(env: Environment) -> None:
    """Terminate every session of the service every 500 ms.

    Reads are retried and succeed; writes succeed or return 503.
    """
    began, ended = time.monotonic(), 0
    while time.monotonic() - began < 6:
        ended += env.database.terminate_sessions()
        env.wait(0.5)
    env.heal()
    reads = env.ledger.of("get", "list", since=began)
    good = sum(each.status == 200 for each in reads) / max(1, len(reads))
    missed = sum(each.status != 200 for each in reads)
    allowed = max(1, len(reads) // 1000)  # 99.9 %, or all but one of a small number
    env.expect(missed <= allowed, f"only {good:.2%} of the reads succeeded")
    env.note(f"{ended} sessions ended, {good:.1%} of {len(reads)} reads answered")


def postgres_frozen(env: Environment) -> None:
    """Stop every process of PostgreSQL by SIGSTOP: connections stay up, and nothing answers.

    No client waits longer than the budget and 500 ms; once the circuit breaker is open, rejections take 50 ms.
    """
    began = time.monotonic()
    env.database.freeze()
    with env.crowd(48):
        env.wait(15)
        late = env.rejected(since=time.monotonic() - 4)
        env.database.thaw()
        env.heal()
    slowest = max((each.seconds for each in env.ledger.of(since=began - 1)), default=0)
    env.note(f"the longest wait {slowest:.1f} s")
    median = late[len(late) // 2] if late else float("inf")
    env.expect(median <= 0.05, f"after 11 s rejections still take {median:.2f} s, not 0.05")
    env.note(f"rejections of the last 4 s: {len(late)}, median {median * 1000:.0f} ms")
    _expect_first_success(env, within=2)


def frozen_with_impatient_clients(env: Environment) -> None:
    """Stop every process of PostgreSQL by SIGSTOP, while 12 clients wait at most 2 s each (C10).

    At most as many as there are slots get 504, for each worker; then all get 503 at once, and none is used as a probe.
    """
    began, is_over = time.monotonic(), threading.Event()
    answers: list[Answer] = []

    def call() -> None:
        while not is_over.is_set():
            answers.append(env.send("GET", "/v1/tasks?page_size=5", **{"Request-Timeout": "2"}))
            time.sleep(0.2)

    env.database.freeze()
    clients = [threading.Thread(target=call) for _ in range(IMPATIENT)]
    for each in clients:
        each.start()
    env.wait(12)
    is_over.set()
    for each in clients:
        each.join()
    env.database.thaw()
    env.heal()
    late = sum(each.status == 504 for each in answers)
    most = len(env.deployment.workers) * WORK_SLOTS
    env.expect(late <= most, f"{late} clients waited their whole budget, not {most} at most")
    settled = [each.seconds for each in answers if each.began > began + 5]
    env.expect(bool(settled) and max(settled) < 1, f"a client waited {max(settled, default=0):.1f} s for the database")
    env.note(
        f"{late} of {len(answers)} impatient clients waited 2 s; after 5 s the longest wait is {max(settled):.2f} s"
    )
    _expect_first_success(env, within=2)


def standby_lost(env: Environment) -> None:
    """Make every COMMIT wait for a missing synchronous standby, for longer than any budget (C2).

    No write is acknowledged, and writes beyond half of a worker's slots get 503 at once, so no more COMMITs wait;
    every read succeeds. Three seconds after the setting is reset, requests succeed as before.
    """
    began = time.monotonic()
    _set_standby(env, "SET synchronous_standby_names = 'nobody'")
    env.wait(13)
    waiting = env.database.run("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'" + OF_REQUESTS)
    most = len(env.deployment.workers) * (WORK_SLOTS // 2 + 1)  # each worker has one more to store failed requests
    env.expect(0 < waiting[0][0] <= most, f"{waiting[0][0]} COMMITs wait, not {most} at most")
    _set_standby(env, "RESET synchronous_standby_names")
    env.heal()
    reads = env.ledger.of("get", "list", since=began)
    missed = [each.status for each in reads if each.verdict is not Verdict.ANSWERED]
    env.expect(not missed, f"{len(missed)} of {len(reads)} reads were rejected: {sorted(set(missed))}")
    writes = env.ledger.of("keyed", "unkeyed", "patch", since=began + 1, until=env.healed_at - 11)
    env.expect(all(each.status in {503, 504} for each in writes), "no write is acknowledged meanwhile")
    env.note(f"{len(reads)} reads answered, {len(writes)} writes rejected, {waiting[0][0]} COMMITs waited")
    _expect_first_success(env, within=3)


def _set_standby(env: Environment, setting: str) -> None:
    env.database.run(f"ALTER SYSTEM {setting}")
    env.database.run("SELECT pg_reload_conf()")


def postgres_absent_at_boot(env: Environment) -> None:
    """Start an instance while PostgreSQL is down, and PostgreSQL a little later.

    The process lives, /healthz is 200, /readyz 503; it is ready within 3 s after PostgreSQL starts, without a restart.
    """
    env.database.stop()
    socket, master = env.deployment.sockets[0], env.deployment.masters[0]
    os.kill(master, signal.SIGTERM)
    env.expect_soon(lambda: master not in env.deployment.masters and _lives(env), 20, "another master starts")
    fresh = env.deployment.masters
    env.expect(fetch(socket, "/readyz").startswith(b"HTTP/1.1 503"), "/readyz is 503 without a database")
    env.wait(1)
    env.expect(_lives(env), "/healthz is 200 without a database")
    env.database.start()
    env.heal()
    took = env.expect_soon(lambda: is_ready(socket), 3, "the instance is ready")
    env.expect(env.deployment.masters == fresh, "the process that was started without a database serves")
    env.note(f"ready {took:.1f} s after PostgreSQL")


def _lives(env: Environment) -> bool:
    return fetch(env.deployment.sockets[0], "/healthz").startswith(b"HTTP/1.1 200")


def _expect_first_success(env: Environment, *, within: float) -> None:
    def first() -> float | None:
        return next((each.ended for each in env.ledger.of() if each.ended > env.healed_at and each.status < 300), None)

    env.expect_soon(lambda: first() is not None, 15, "an answer after the fault")
    took = (first() or float("inf")) - env.healed_at
    env.expect(took <= within, f"the first success came after {took:.1f} s, not {within:g}")
    env.note(f"first success {took:.2f} s after it accepts")
