"""PostgreSQL's processes end, hang, or are not there yet."""

import os
import signal
import time

from tests.drill.stage import Stage
from tests.stack.deployment import ask, is_ready


def postgres_restarted(stage: Stage) -> None:
    """Restart PostgreSQL as ``pg_ctl restart -m fast`` does (F1).

    While it is away every failure is 503 with Retry-After; the first success comes within 2 s after it accepts again.
    """
    began = time.monotonic()
    stage.database.stop()
    stage.database.start()
    stage.heal()
    stage.note(f"away for {stage.healed_at - began:.1f} s")
    _expect_first_success(stage, within=2)


def postgres_crashed(stage: Stage) -> None:
    """Kill a session's process with SIGKILL: PostgreSQL ends all others and recovers from its log (F2).

    As a restart: 503, and the first success within 2 s after it accepts again.
    """
    victim, began = stage.database.sessions()[0], time.monotonic()
    os.kill(victim, signal.SIGKILL)
    stage.database.wait_until_accepting()
    stage.heal()
    stage.note(f"away for {stage.healed_at - began:.1f} s")
    _expect_first_success(stage, within=2)


def sessions_terminated(stage: Stage) -> None:
    """Terminate every session of the service's each 500 ms (F3).

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


def postgres_frozen(stage: Stage) -> None:
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


def postgres_absent_at_boot(stage: Stage) -> None:
    """Start an instance while PostgreSQL is down, and PostgreSQL a little later (F13).

    The process lives, /healthz is 200, /readyz 503; it is ready within 3 s after PostgreSQL is there, by itself.
    """
    stage.database.stop()
    socket, master = stage.deployment.sockets[0], stage.deployment.masters[0]
    os.kill(master, signal.SIGTERM)
    stage.expect_soon(lambda: master not in stage.deployment.masters and _lives(stage), 20, "another master starts")
    fresh = stage.deployment.masters
    stage.expect(ask(socket, "/readyz").startswith(b"HTTP/1.1 503"), "/readyz is 503 without a database")
    stage.wait(1)
    stage.expect(_lives(stage), "/healthz is 200 without a database")
    stage.database.start()
    stage.heal()
    took = stage.expect_soon(lambda: is_ready(socket), 3, "the instance is ready")
    stage.expect(stage.deployment.masters == fresh, "the process that was started without a database serves")
    stage.note(f"ready {took:.1f} s after PostgreSQL")


def _lives(stage: Stage) -> bool:
    return ask(stage.deployment.sockets[0], "/healthz").startswith(b"HTTP/1.1 200")


def _expect_first_success(stage: Stage, *, within: float) -> None:
    def first() -> float | None:
        return next(
            (each.ended for each in stage.ledger.of() if each.ended > stage.healed_at and each.status < 300), None
        )

    stage.expect_soon(lambda: first() is not None, 15, "an answer after the fault")
    took = (first() or float("inf")) - stage.healed_at
    stage.expect(took <= within, f"the first success came after {took:.1f} s, not {within:g}")
    stage.note(f"first success {took:.2f} s after it accepts")
