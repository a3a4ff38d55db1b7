"""More requests than the service can answer."""

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
"""Load generators that share the work: each of them gets a processor soon."""
SECONDS: Final = 20
GOODPUT: Final = 0.8
PROMPTLY: Final = 0.1


def overload(env: Environment) -> None:
    """Send twice the measured capacity, regardless of the responses (C23a).

    At least 80 % of the capacity succeeds, rejections take 100 ms (p99), /healthz answers; then load is as before.
    """
    made = env.send("POST", "/v1/tasks", {"task": {"title": f"{env.ledger.tag}/read"}})
    name = env.ledger.created(f"{env.ledger.tag}/read", [made])
    ceiling = _generated_load(env, name, "ceiling", seconds=2, port=0)
    _generated_load(env, name, "warm", seconds=1)
    measured = _generated_load(env, name, "capacity", seconds=5)
    capacity = len(measured["good"]) / 5
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(_generated_load, env, name, "twice", seconds=SECONDS * SCALE, rate=2 * capacity)
        slowest = _watch_health(env, pending)
        tally = pending.result()
    env.heal()
    goodput, rejected = len(tally["good"]) / (SECONDS * SCALE), sorted(tally["rejected"])
    p99 = rejected[len(rejected) * 99 // 100] if rejected else 0.0
    is_on_time = tally["late"] <= ON_TIME * (len(tally["good"]) + len(rejected))
    is_enough = goodput >= GOODPUT * capacity
    env.expect(is_enough or not is_on_time, f"{goodput / capacity:.0%} of capacity was answered, not 80 %")
    env.expect(p99 <= PROMPTLY or not is_on_time, f"rejections took {p99 * 1000:.0f} ms (p99), not 100")
    env.expect(slowest < 1 or not is_on_time, f"/healthz took {slowest:.1f} s")
    good = sorted(tally["good"])
    env.note(f"capacity {capacity:.0f}/s, sent {2 * capacity:.0f}/s for {SECONDS * SCALE:.0f} s: {goodput:.0f}/s good")
    env.note(f"{goodput / capacity:.0%} of capacity; good p99 {good[len(good) * 99 // 100] if good else 0:.2f} s")
    env.note(f"{len(rejected)} rejected, p50 {_middle(rejected) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    env.note(f"/healthz {slowest * 1000:.0f} ms at most; the generators can send {len(ceiling['good']) / 2:.0f}/s")
    if not is_on_time:
        env.note(f"{tally['late']} requests were sent late: the machine was the bottleneck; only statuses are judged")


def burst(env: Environment) -> None:
    """Send three times the measured capacity for one second, without a ramp.

    Every request beyond the capacity gets 503 at once; three seconds later all requests succeed again.
    """
    made = env.send("POST", "/v1/tasks", {"task": {"title": f"{env.ledger.tag}/read"}})
    name = env.ledger.created(f"{env.ledger.tag}/read", [made])
    capacity = len(_generated_load(env, name, "capacity", seconds=3)["good"]) / 3
    env.expect_soon(env.are_ready, 5, "both instances are ready")
    tally = _generated_load(env, name, "burst", seconds=1, rate=3 * capacity)
    env.heal()
    settled = env.expect_soon(lambda: _has_settled(env), 3, "no request is rejected any more")
    env.note(f"capacity {capacity:.0f}/s, sent three times that for a second: {len(tally['good'])} answered")
    env.note(f"{len(tally['rejected'])} rejected; as before after {settled:.1f} s")


def _has_settled(env: Environment) -> bool:
    """Return True if requests were sent for half a second, and none was rejected."""
    recent = env.ledger.of(since=max(env.healed_at, time.monotonic() - 0.5))
    is_long_enough = time.monotonic() - env.healed_at > 0.5
    return is_long_enough and bool(recent) and all(each.verdict is Verdict.ANSWERED for each in recent)


def _generated_load(
    env: Environment, name: str, label: str, *, seconds: float, rate: float = 0.0, port: int | None = None
) -> dict[str, Any]:
    """Run the generators, and record the outcomes, unless they measured themselves."""
    where = env.deployment.port if port is None else port
    token, share = env.bearer("owner-0"), rate / PROCESSES
    orders = [
        Order(where, token, f"/v1/{name}", f"{env.ledger.tag}/{label}-{n}", seconds, share, CALLERS // PROCESSES)
        for n in range(PROCESSES)
    ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        tallies = list(pool.map(_generate, orders))
    if port is None:
        for tally in tallies:
            _enter(env, tally)
    return {
        "good": [seconds for tally in tallies for seconds in tally["good"]],
        "rejected": [seconds for tally in tallies for seconds in tally["rejected"]],
        "late": sum(tally["late"] for tally in tallies),
    }


def _generate(order: Order) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.drill.generator"],
        input=json.dumps(asdict(order)), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tally: dict[str, Any] = json.loads(done.stdout)
    return tally


def _enter(env: Environment, tally: dict[str, Any]) -> None:
    ledger, now = env.ledger, time.monotonic()
    ledger.entries += [Entry("generated", now, now, 200, Verdict.ANSWERED, "")] * len(tally["good"])
    ledger.entries += [Entry("generated", now, now, 503, Verdict.REJECTED, "503 SERVICE_UNAVAILABLE, generated")] * len(
        tally["rejected"]
    )
    for why, times in tally["failures"].items():
        ledger.entries += [Entry("generated", now, now, 0, Verdict.FAILED, why)] * times
    ledger.creations += [Creation(title, Outcome.ACKNOWLEDGED, name) for title, name in tally["created"].items()]
    ledger.creations += [Creation(title, Outcome.UNKNOWN) for title in tally["unknown"]]


def _watch_health(env: Environment, pending: "Any") -> float:
    slowest = 0.0
    while not pending.done():
        answer = env.exchange(BYSTANDERS["/healthz"])
        slowest = max(slowest, answer.seconds)
        env.expect(answer.status == 200, f"/healthz was {answer.status}")
        time.sleep(0.2)
    return slowest


def _middle(seconds: list[float]) -> float:
    return seconds[len(seconds) // 2] if seconds else 0.0
