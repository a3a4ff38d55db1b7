"""``python -m bench [--quick] [--only candor,baseline,W1]``: measure, print the tables, and store them."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TypeVar

from bench import database, load, machine, measure, processes, report, response_check, results, server
from bench.candidates import CANDIDATES, Candidate
from bench.workloads import WORKLOADS, Workload

Choice = TypeVar("Choice", Candidate, Workload)


def main(words: Sequence[str]) -> int:
    """Measure the selected candidates and workloads."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under three minutes")
    parser.add_argument("--only", default="", help="keys of candidates and workloads, joined by commas")
    selected = parser.parse_args(words)
    only = {*filter(None, selected.only.split(","))}
    if unknown := only - {each.key for each in (*CANDIDATES, *WORKLOADS)}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    candidates, workloads = _chosen(CANDIDATES, only), _chosen(WORKLOADS, only)
    effort = measure.QUICK if selected.quick else measure.FULL
    server.empty_home()
    os.sched_setaffinity(0, processes.OTHER_CORES)
    try:
        result = _measured(candidates, workloads, effort)
    except (response_check.Disagreement, load.NoAnswer) as fault:
        sys.stderr.write(f"\nbench: {fault}\n")
        return 1
    about = machine.described() | {"peers": machine.peers(), "rows": f"{measure.ROWS:,}"}
    found = report.summary(result, candidates, workloads, effort, about)
    sys.stdout.write(f"\n{report.tables(found)}\n")
    if not only:
        report.write(found)
        results.write()
        results.write_docs(found)
        sys.stdout.write("Kept in bench/RESULTS.md, results.json and results.svg; some of the tables also in docs/.\n")
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
    return bench.result


def _chosen(all_: Sequence[Choice], only: set[str]) -> Sequence[Choice]:
    """Return the named ones, or all when none is named."""
    return [each for each in all_ if each.key in only] or all_


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
