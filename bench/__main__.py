"""``python -m bench [--quick] [--only ours,floor,W1]``: measure, print the tables, and keep them beside this file."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TypeVar

from bench import database, load, machine, measure, processes, report, response_check, results, server
from bench.candidates import CONTESTANTS, Contestant
from bench.workloads import WORKLOADS, Workload

Choice = TypeVar("Choice", Contestant, Workload)


def main(words: Sequence[str]) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under three minutes")
    parser.add_argument("--only", default="", help="keys of contestants and workloads, joined by commas")
    asked = parser.parse_args(words)
    only = {*filter(None, asked.only.split(","))}
    if unknown := only - {each.key for each in (*CONTESTANTS, *WORKLOADS)}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    contestants, workloads = _chosen(CONTESTANTS, only), _chosen(WORKLOADS, only)
    effort = measure.QUICK if asked.quick else measure.FULL
    server.empty_home()
    os.sched_setaffinity(0, processes.OTHER_CORES)
    try:
        result = _measured(contestants, workloads, effort)
    except (response_check.Disagreement, load.NoAnswer) as fault:
        sys.stderr.write(f"\nbench: {fault}\n")
        return 1
    about = machine.described() | {"peers": machine.peers(), "rows": f"{measure.ROWS:,}"}
    found = report.summary(result, contestants, workloads, effort, about)
    sys.stdout.write(f"\n{report.tables(found)}\n")
    if not only:
        report.write(found)
        results.write()
        results.tell(found)
        sys.stdout.write("Kept in bench/RESULTS.md, results.json and results.svg; some of the tables also in docs/.\n")
    return 0


def _measured(
    contestants: Sequence[Contestant], workloads: Sequence[Workload], effort: measure.Effort
) -> measure.Result:
    measure.say("starting PostgreSQL")
    with database.database() as url:
        measure.say(f"loading {measure.ROWS:,} tasks")
        database.fill(url, measure.ROWS)
        bench = measure.Bench(url, contestants, workloads)
        measure.say(f"starting {len(contestants)} servers")
        with bench.up():
            measure.say("checking that all give the same answers")
            bench.agree()
            for number in range(effort.rounds):
                bench.round(number, effort)
            bench.steady(effort)
    return bench.result


def _chosen(all_: Sequence[Choice], only: set[str]) -> Sequence[Choice]:
    """Return those that are named, or all when none is."""
    return [each for each in all_ if each.key in only] or all_


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
