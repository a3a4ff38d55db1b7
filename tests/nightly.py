"""``make nightly``: run every suite, one after the other, and write each result into ``docs/evidence/nightly.md``.

A suite that fails does not stop the others; the status is 1 at the end. The page shows a run in progress, too.
``SUITES=fuzz,drill`` runs these suites, and replaces their rows only: each row has its own commit and time. The output
of a suite is in ``.local/nightly/SUITE.log``.
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
    "test": "EXAMPLES_SCALE=1 make test ALL=true",
    "edge": "make edge",
    "apache": "make edge PROXY=apache",
    "haproxy": "make edge PROXY=haproxy",
    "caddy": "make edge PROXY=caddy",
    "envoy": "make edge PROXY=envoy",
    "traefik": "make edge PROXY=traefik",
    "ecosystem": "make ecosystem",
    "clients": "make clients",
    "containers": "make containers",
    "matrix": "make matrix",
    "conformance": "make conformance",
    "fuzz": "make fuzz",
    "drill": "make drill",
    "drill-cluster": "make drill-cluster",
    "bench-guard": "make bench-guard",
    "soak": "make soak",
    "bench": 'make bench ARGS="$BENCH_ARGS"',
    "bench-scaling": "make bench-scaling",
}
SCALES: Final = {
    "FUZZ_EXAMPLES": {"test", "fuzz"},
    "FUZZ_SEED": {"test", "fuzz"},
    "EDGE_SCALE": {"edge", "apache", "haproxy", "caddy", "envoy", "traefik", "soak"},
    "DRILL_SCALE": {"drill"},
    "ALL": {"drill-cluster"},
    "WAYS": {"drill-cluster"},
    "RUNS": {"drill-cluster"},
    "BENCH_ARGS": {"bench"},
    "SCALE": {"bench-scaling"},
    "ONLY": {"ecosystem", "clients", "containers", "matrix", "conformance", "drill", "drill-cluster", "bench"},
}
"""Variables that change how much a suite does, with the suites that read them. The page contains those that are set."""
COUNTS: Final = re.compile(r"\d+ (?:passed|failed|errors?|skipped|kept|broken)\b(?:, )?")
"""Counts in the closing line of pytest and of other runners."""
HEAD: Final = """# Last nightly run

`make nightly` runs every suite, those that `.ci/run` leaves out too, and writes this page.
`SUITES=fuzz,drill make nightly` repeats these suites and replaces their rows.

"""
NOTES: Final = "\n## Notes\n"
"""The beginning of the text that people have written below the table. It stays when single suites are repeated."""
TABLE: Final = """| suite | command | commit | started (UTC) | result | status | counts | minutes |
|---|---|---|---|---|---|---|---|
"""


@dataclass
class Suite:
    """A suite and, once it has ended, its result."""

    name: str
    command: str
    commit: str = ""
    began: str = ""
    state: str = "waiting"
    status: int | None = None
    seconds: float = 0.0
    last_line: str = ""

    def run(self) -> None:
        """Run it, print its output, and store that in its log."""
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

    @property
    def row(self) -> str:
        """The row of the page."""
        scales = "".join(
            f"{name}={os.environ[name]} " for name in SCALES if self.name in SCALES[name] and name in os.environ
        )
        status, counts = "" if self.status is None else self.status, self.last_line.replace("|", "/")
        return (
            f"| {self.name} | `{scales}{self.command}` | `{self.commit}` | {self.began} | {self.state} "
            f"| {status} | {counts} | {self.seconds / 60:.1f} |"
        )


def closing_line(text: str) -> str:
    """Return the last counts that a runner has printed, or the last line without counts."""
    lines = [line.strip(" =") for line in text.splitlines() if line.strip(" =") and not line.startswith("make")]
    counted = next((line for line in reversed(lines) if COUNTS.search(line)), "")
    counts, last = "".join(COUNTS.findall(counted)).rstrip(", "), lines[-1][:100] if lines else ""
    return counts if not last or last == counted[:100] else "; ".join(filter(None, (counts, last)))


def page(rows: dict[str, str]) -> str:
    """Return the page with a row for each suite; the rows decide the result."""
    states = {
        name: next(iter(rows[name].split(" | ")[4:5]), "waiting") if name in rows else "waiting" for name in SUITES
    }
    failed = [name for name, state in states.items() if state == "FAILED"]
    open_ = [name for name, state in states.items() if state not in ("FAILED", "passed")]
    parts = [f"failed: {', '.join(failed)}" if failed else "", f"not run: {', '.join(open_)}" if open_ else ""]
    result = "; ".join(filter(None, parts)) or "passed"
    return f"{HEAD}Result: {result}.\n\n{TABLE}" + "".join(f"{rows[name]}\n" for name in SUITES if name in rows)


def rows_of(text: str) -> dict[str, str]:
    """Return the rows of a page by suite."""
    return {row[1]: row[0] for row in re.finditer(r"(?m)^\| ([\w-]+) \| `.*\|$", text)}


def commit() -> str:
    """Return the commit of the working tree, with a note when it has changes, except for results in docs/evidence."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changes = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/evidence")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("-dirty" if changes else "")


def main(only: str) -> int:
    """Run the suites, and return 1 when one has failed."""
    wanted = {name for name in only.replace(" ", "").split(",") if name}
    if unknown := wanted - SUITES.keys():
        sys.stderr.write(f"nightly: no suite is called {', '.join(sorted(unknown))}, but {', '.join(SUITES)}\n")
        return 2
    tested = commit()
    suites = [Suite(name, command, tested) for name, command in SUITES.items() if not wanted or name in wanted]
    LOGS.mkdir(parents=True, exist_ok=True)
    before = PAGE.read_text() if wanted and PAGE.exists() else ""
    rows, notes = rows_of(before), before[before.find(NOTES) :] if NOTES in before else ""

    def publish() -> None:
        rows.update((suite.name, suite.row) for suite in suites)
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(rows) + notes)

    for suite in suites:
        suite.state, suite.began = "running", f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
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
