"""More is asked than can be answered."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Final

from tests.drill.environment import BYSTANDERS, SCALE, Environment
from tests.drill.generator import ON_TIME, Order
from tests.drill.history import Creation
from tests.drill.load import Entry
from tests.drill.verdicts import Outcome, Verdict
from tests.stack.deployment import ROOT

CALLERS: Final = 48
PROCESSES: Final = 4
"""Generators that share the work, so that none of them has to wait for the processor long."""
SECONDS: Final = 20
GOODPUT: Final = 0.8
PROMPTLY: Final = 0.1


def overload(stage: Environment) -> None:
    """Ask at twice the capacity just measured, whatever comes back (C23a).

    At least 80 % of the capacity is answered well, refusals take 100 ms (p99), health answers; then all is as before.
    """
    made = stage.send("POST", "/v1/tasks", {"task": {"title": f"{stage.ledger.tag}/asked-for"}})
    name = stage.ledger.created(f"{stage.ledger.tag}/asked-for", [made])
    ceiling = _asked(stage, name, "ceiling", seconds=2, port=0)
    _asked(stage, name, "warm", seconds=1)
    measured = _asked(stage, name, "capacity", seconds=5)
    capacity = len(measured["good"]) / 5
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(_asked, stage, name, "twice", seconds=SECONDS * SCALE, rate=2 * capacity)
        slowest = _watch_health(stage, asked)
        tally = asked.result()
    stage.heal()
    goodput, refused = len(tally["good"]) / (SECONDS * SCALE), sorted(tally["refused"])
    p99 = refused[len(refused) * 99 // 100] if refused else 0.0
    is_on_time = tally["late"] <= ON_TIME * (len(tally["good"]) + len(refused))
    is_enough = goodput >= GOODPUT * capacity
    stage.expect(is_enough or not is_on_time, f"{goodput / capacity:.0%} of capacity was answered, not 80 %")
    stage.expect(p99 <= PROMPTLY or not is_on_time, f"refusals took {p99 * 1000:.0f} ms (p99), not 100")
    stage.expect(slowest < 1, f"/healthz took {slowest:.1f} s")
    good = sorted(tally["good"])
    stage.note(
        f"capacity {capacity:.0f}/s, asked {2 * capacity:.0f}/s for {SECONDS * SCALE:.0f} s: {goodput:.0f}/s good"
    )
    stage.note(f"{goodput / capacity:.0%} of capacity; good p99 {good[len(good) * 99 // 100] if good else 0:.2f} s")
    stage.note(f"{len(refused)} refused, p50 {_middle(refused) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    stage.note(f"/healthz {slowest * 1000:.0f} ms at most; the generators could ask {len(ceiling['good']) / 2:.0f}/s")
    if not is_on_time:
        stage.note(
            f"{tally['late']} requests were sent late: what was measured is the machine, and judged by statuses only"
        )


def burst(stage: Environment) -> None:
    """Ask at three times the capacity just measured for one second, out of the blue.

    Whoever is not answered is told 503 at once; three seconds later nothing of it is left.
    """
    made = stage.send("POST", "/v1/tasks", {"task": {"title": f"{stage.ledger.tag}/asked-for"}})
    name = stage.ledger.created(f"{stage.ledger.tag}/asked-for", [made])
    capacity = len(_asked(stage, name, "capacity", seconds=3)["good"]) / 3
    stage.expect_soon(stage.are_ready, 5, "both instances are ready")
    tally = _asked(stage, name, "burst", seconds=1, rate=3 * capacity)
    stage.heal()
    settled = stage.expect_soon(lambda: _has_settled(stage), 3, "nothing is refused any more")
    stage.note(f"capacity {capacity:.0f}/s, asked three times that for a second: {len(tally['good'])} answered")
    stage.note(f"{len(tally['refused'])} refused; as before after {settled:.1f} s")


def _has_settled(stage: Environment) -> bool:
    """Tell whether for half a second somebody has asked, and nobody was refused."""
    recent = stage.ledger.of(since=max(stage.healed_at, time.monotonic() - 0.5))
    is_long_enough = time.monotonic() - stage.healed_at > 0.5
    return is_long_enough and bool(recent) and all(each.verdict is Verdict.ANSWERED for each in recent)


def _asked(
    stage: Environment, name: str, label: str, *, seconds: float, rate: float = 0.0, port: int | None = None
) -> dict[str, Any]:
    """Have the generators ask, and enter what became of it, unless they asked themselves."""
    where = stage.deployment.port if port is None else port
    token, share = stage.bearer("owner-0"), rate / PROCESSES
    orders = [
        Order(where, token, f"/v1/{name}", f"{stage.ledger.tag}/{label}-{n}", seconds, share, CALLERS // PROCESSES)
        for n in range(PROCESSES)
    ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        tallies = list(pool.map(_generate, orders))
    if port is None:
        for tally in tallies:
            _enter(stage, tally)
    return {
        "good": [seconds for tally in tallies for seconds in tally["good"]],
        "refused": [seconds for tally in tallies for seconds in tally["refused"]],
        "late": sum(tally["late"] for tally in tallies),
    }


def _generate(order: Order) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.drill.generator"],
        input=json.dumps(asdict(order)), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tally: dict[str, Any] = json.loads(done.stdout)
    return tally


def _enter(stage: Environment, tally: dict[str, Any]) -> None:
    ledger, now = stage.ledger, time.monotonic()
    ledger.entries += [Entry("generated", now, now, 200, Verdict.ANSWERED, "")] * len(tally["good"])
    ledger.entries += [Entry("generated", now, now, 503, Verdict.REFUSED, "503 SERVICE_UNAVAILABLE, generated")] * len(
        tally["refused"]
    )
    for why, times in tally["failures"].items():
        ledger.entries += [Entry("generated", now, now, 0, Verdict.FAILED, why)] * times
    ledger.creations += [Creation(title, Outcome.ACKNOWLEDGED, name) for title, name in tally["created"].items()]
    ledger.creations += [Creation(title, Outcome.UNKNOWN) for title in tally["unknown"]]


def _watch_health(stage: Environment, asked: "Any") -> float:
    slowest = 0.0
    while not asked.done():
        answer = stage.ask(BYSTANDERS["/healthz"])
        slowest = max(slowest, answer.seconds)
        stage.expect(answer.status == 200, f"/healthz was {answer.status}")
        time.sleep(0.2)
    return slowest


def _middle(seconds: list[float]) -> float:
    return seconds[len(seconds) // 2] if seconds else 0.0
