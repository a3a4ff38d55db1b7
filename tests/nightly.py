"""``make nightly``: run every suite, one after the other, and write the result into ``docs/evidence/nightly.md``.

A suite that fails does not stop the others; the status is 1 at the end. The page shows a run in progress, too. What a
suite prints is in ``.local/nightly/SUITE.log``. ``SUITES=fuzz,drill`` runs these suites, and writes no page.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "evidence" / "nightly.md"
LOGS: Final = ROOT / ".local" / "nightly"
SUITES: Final = {
    "lint": "make lint",
    "contract": "make contract",
    "test": "make test",
    "edge": "make edge",
    "ecosystem": "make ecosystem",
    "clients": "make clients",
    "conformance": "make conformance",
    "fuzz": "make fuzz",
    "drill": "make drill",
    "bench-guard": "make bench-guard",
    "soak": "make soak",
    "bench": 'make bench ARGS="$BENCH_ARGS"',
    "bench-scaling": "make bench-scaling",
}
SCALES: Final = ("FUZZ_EXAMPLES", "FUZZ_SEED", "EDGE_SCALE", "DRILL_SCALE", "BENCH_ARGS", "ONLY")
"""Variables that change how much the suites do; the page says which were set."""
COUNTS: Final = re.compile(r"\d+ (?:passed|failed|errors?|skipped|kept|broken)\b(?:, )?")
"""Counts in the closing line of pytest and of other runners."""


@dataclass
class Suite:
    """A suite and, once it has ended, its result."""

    name: str
    command: str
    state: str = "waiting"
    status: int | None = None
    seconds: float = 0.0
    last_line: str = ""

    def run(self) -> None:
        """Run it, show what it prints, and keep that in its log."""
        began, log = time.monotonic(), LOGS / f"{self.name}.log"
        with (
            log.open("w") as kept,
            subprocess.Popen(
                self.command, shell=True, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process,
        ):
            for line in process.stdout or ():
                kept.write(line)
                sys.stdout.write(line)
                sys.stdout.flush()
        self.status, self.seconds = process.returncode, time.monotonic() - began
        self.state, self.last_line = "FAILED" if self.status else "passed", closing_line(log.read_text())


def closing_line(text: str) -> str:
    """Return the last counts that a runner has printed, and the last line when it is another one."""
    lines = [line.strip(" =") for line in text.splitlines() if line.strip(" =") and not line.startswith("make")]
    counted = next((line for line in reversed(lines) if COUNTS.search(line)), "")
    counts, last = "".join(COUNTS.findall(counted)).rstrip(", "), lines[-1][:100] if lines else ""
    return counts if not last or last == counted[:100] else "; ".join(filter(None, (counts, last)))


def page(suites: list[Suite], commit: str, began: datetime) -> str:
    """Return the page."""
    ended, failed = all(suite.status is not None for suite in suites), [s.name for s in suites if s.status]
    result = f"failed: {', '.join(failed)}" if failed else "passed"
    scales = ", ".join(f"`{name}={os.environ[name]}`" for name in SCALES if name in os.environ)
    rows = [
        f"| {suite.name} | `{suite.command}` | {suite.state} | {'' if suite.status is None else suite.status} "
        f"| {suite.last_line.replace('|', '/')} | {suite.seconds / 60:.1f} |"
        for suite in suites
    ]
    return "\n".join(
        [
            "# Last nightly run",
            "",
            "`make nightly` writes this page. It runs every suite, those that `.ci/run` leaves out too.",
            "",
            f"- Commit: `{commit}`",
            f"- Started: {began:%Y-%m-%d %H:%M} UTC",
            f"- Scale: {scales or 'the default of each suite'}",
            f"- Result: {result if ended else 'the run is in progress'}",
            "",
            "| suite | command | result | status | counts | minutes |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def commit() -> str:
    """Return the commit of the working tree, with a note when it has changes."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


def main(only: str) -> int:
    """Run the suites, and return 1 when one has failed."""
    wanted = {name for name in only.replace(" ", "").split(",") if name}
    if unknown := wanted - SUITES.keys():
        sys.stderr.write(f"nightly: no suite is called {', '.join(sorted(unknown))}, but {', '.join(SUITES)}\n")
        return 2
    suites = [Suite(name, command) for name, command in SUITES.items() if not wanted or name in wanted]
    tested, began = commit(), datetime.now(UTC)
    LOGS.mkdir(parents=True, exist_ok=True)

    def publish() -> None:
        if not wanted:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(page(suites, tested, began))

    for suite in suites:
        suite.state = "running"
        publish()
        sys.stdout.write(f"nightly: {suite.name}: {suite.command}\n")
        suite.run()
        publish()
    for suite in suites:
        sys.stdout.write(f"nightly: {suite.name} {suite.state} ({suite.status}), {suite.last_line}\n")
    return int(any(suite.status for suite in suites))


if __name__ == "__main__":
    os.environ["NIGHTLY"] = "true"
    sys.exit(main(os.environ.get("SUITES", "")))
