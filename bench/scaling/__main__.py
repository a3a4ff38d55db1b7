"""``python -m bench.scaling [--only rows,lengths,clients,workers,memory,start]``: measure, and write ``RESULTS.md``.

``--scale 6`` limits lists to a million rows; ``--only memory --requests 10000000`` is a long run, of about two hours.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from bench import database, load, machine, measure, processes, results, server
from bench.scaling import loads, memory_and_start, rows

PARTS: Final = ("lengths", "clients", "workers", "start", "memory", "rows")
SCALES: Final = range(3, 8)
LEAST: Final = 1_000
"""Requests from which the memory can be fitted."""


def main(words: Sequence[str]) -> int:
    """Run the selected measurements; the exit status is 0 if every promise holds."""
    parser = argparse.ArgumentParser(prog="make bench-scaling", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, joined by commas")
    parser.add_argument(
        "--scale", type=int, default=7, choices=SCALES, help="rows of the largest list: 10 to this power"
    )
    parser.add_argument("--requests", type=int, default=memory_and_start.REQUESTS, help="requests of the memory's part")
    selected = parser.parse_args(words)
    parts = selected.only.split(",")
    if selected.requests < LEAST:
        parser.error(f"--requests must be at least {LEAST:,}")
    if unknown := {*parts} - {*PARTS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    server.empty_home()
    busy = machine.load()
    os.sched_setaffinity(0, processes.OTHER_CORES)
    try:
        found, broken = _measured(parts, largest=10**selected.scale, requests=selected.requests)
    except load.NoAnswer as fault:
        sys.stderr.write(f"\nbench: {fault}\n")
        return 1
    known = json.loads(results.SCALING.read_text()) if results.SCALING.exists() else {}
    about = machine.described() | {
        "load": f"{busy} before the last run ({', '.join(parts)}), {machine.load()} after it"
    }
    known |= {"about": about, "broken": {**known.get("broken", {}), **broken}, **found}
    results.SCALING.write_text(json.dumps(known, indent=1) + "\n")
    results.write()
    faults = [fault for part in broken.values() for fault in part]
    sys.stdout.write("\n".join(["", *(faults or ["Every promise holds."]), "See bench/RESULTS.md.", ""]))
    return 1 if faults else 0


def _measured(parts: Sequence[str], *, largest: int, requests: int) -> tuple[dict[str, Any], dict[str, list[str]]]:
    found, broken = dict[str, Any](), dict[str, list[str]]()
    with database.database() as url:
        database.fill(url, measure.ROWS)
        callers = measure.callers(url)
        if "lengths" in parts:
            found["lengths"] = loads.lengths(url, callers)
        if "clients" in parts:
            found["clients"] = loads.clients(url, callers)
        for name, part in (
            ("workers", lambda: loads.workers(url, callers)),
            ("start", lambda: memory_and_start.start(url)),
            ("memory", lambda: memory_and_start.memory(url, callers, requests=requests)),
            ("rows", lambda: rows.measured(url, largest=largest)),
        ):
            if name in parts:
                found[name], broken[name] = part()
    return found, broken


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
