"""``python -m bench [--quick] [--only candor,baseline,W1]``: measure, print the tables, and store them."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from bench import database, go_peer, load, machine, measure, processes, report, response_check, results, server, targets
from bench.candidates import CANDIDATES, Candidate
from bench.workloads import WORKLOADS, Workload

Choice = TypeVar("Choice", Candidate, Workload)


def main(words: Sequence[str]) -> int:
    """Measure the selected candidates and workloads."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: five minutes")
    parser.add_argument("--only", default="", help="keys of candidates and workloads, joined by commas")
    selected = parser.parse_args(words)
    only = {*filter(None, selected.only.split(","))}
    if unknown := only - {each.key for each in (*CANDIDATES, *WORKLOADS)}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    candidates, workloads = _chosen(CANDIDATES, only), _chosen(WORKLOADS, only)
    effort = measure.QUICK if selected.quick else measure.FULL
    server.empty_home()
    candidates, left_out = _built(candidates)
    began, busy = datetime.now(UTC), machine.load()
    os.sched_setaffinity(0, processes.OTHER_CORES)
    try:
        result = _measured(candidates, workloads, effort)
    except (response_check.Disagreement, load.NoAnswer) as fault:
        sys.stderr.write(f"\nbench: {fault}\n")
        return 1
    about = machine.described() | {
        "peers": ", ".join([machine.peers(), *(f"Go {go_peer.version()}" for each in candidates if each.key == "go")]),
        "rows": f"{measure.ROWS:,}",
        "effort": "quick" if selected.quick else "full",
        "began": f"{began:%Y-%m-%d %H:%M} UTC",
        "minutes": f"{(datetime.now(UTC) - began).total_seconds() / 60:.0f}",
        "load": f"{busy} before the run, {machine.load()} after it",
        "left_out": left_out,
    }
    found = report.summary(result, candidates, workloads, effort, about)
    sys.stdout.write(f"\n{targets.table(found)}\n\n{report.tables(found)}\n")
    if not only:
        results.keep(found)
        sys.stdout.write("Kept in docs/evidence/benchmark.md, and in bench: RESULTS.md, results.json and charts.\n")
    return 0


def _measured(candidates: Sequence[Candidate], workloads: Sequence[Workload], effort: measure.Effort) -> measure.Result:
    measure.progress("starting PostgreSQL")
    with database.database() as url:
        measure.progress(f"loading {measure.ROWS:,} tasks")
        database.fill(url, measure.ROWS)
        bench = measure.Bench(url, candidates, workloads)
        measure.progress(f"starting {len(candidates)} servers")
        with bench.up():
            measure.progress("checking that all give the same answers")
            bench.agree()
            for number in range(effort.rounds):
                bench.round(number, effort)
            bench.steady(effort)
            bench.crowds(effort)
            bench.pairs(effort)
    return bench.result


def _built(candidates: Sequence[Candidate]) -> tuple[Sequence[Candidate], str]:
    """Compile the server in Go; without it, return the other candidates, and a sentence with the reason."""
    if all(each.key != "go" for each in candidates):
        return candidates, ""
    reason = go_peer.build()
    if not reason:
        return candidates, ""
    measure.progress(f"without Go: {reason}")
    return [each for each in candidates if each.key != "go"], f"Go was left out: {reason}."


def _chosen(all_: Sequence[Choice], only: set[str]) -> Sequence[Choice]:
    """Return the named ones, or all when none is named."""
    return [each for each in all_ if each.key in only] or all_


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
