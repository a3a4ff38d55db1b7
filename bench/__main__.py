"""``python -m bench [--quick] [--only service,baseline,W1]``: measure, print the tables, and write them to bench/."""

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
    """Measure the selected candidates and workloads, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under three minutes")
    parser.add_argument("--only", default="", help="keys of candidates and workloads, separated by commas")
    options = parser.parse_args(words)
    only = {*filter(None, options.only.split(","))}
    if unknown := only - {each.key for each in (*CANDIDATES, *WORKLOADS)}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    candidates, workloads = _chosen(CANDIDATES, only), _chosen(WORKLOADS, only)
    effort = measure.QUICK if options.quick else measure.FULL
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
        results.write_to_docs(found)
        sys.stdout.write("Wrote bench/RESULTS.md, results.json, results.svg, and some of the tables in docs/.\n")
    return 0


def _measured(candidates: Sequence[Candidate], workloads: Sequence[Workload], effort: measure.Effort) -> measure.Result:
    measure.log_progress("starting PostgreSQL")
    with database.database() as url:
        measure.log_progress(f"loading {measure.ROWS:,} tasks")
        database.fill(url, measure.ROWS)
        bench = measure.Bench(url, candidates, workloads)
        measure.log_progress(f"starting {len(candidates)} servers")
        with bench.up():
            measure.log_progress("checking that all servers return the same responses")
            bench.compare_responses()
            for number in range(effort.rounds):
                bench.round(number, effort)
            bench.steady(effort)
    return bench.result


def _chosen(all_: Sequence[Choice], only: set[str]) -> Sequence[Choice]:
    """Return the selected ones, or all of them if none is selected."""
    return [each for each in all_ if each.key in only] or all_


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
