"""``python -m bench.scaling [--only rows,lengths,clients,workers,memory,start]``: measure, and write ``RESULTS.md``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from bench import database, load, machine, measure, processes, results, server
from bench.scaling import loads, memory_and_start, rows

PARTS: Final = ("lengths", "clients", "workers", "start", "memory", "rows")


def main(words: Sequence[str]) -> int:
    """Run the selected measurements; the exit status is 0 if every promise holds."""
    parser = argparse.ArgumentParser(prog="make bench-scaling", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, joined by commas")
    parts = parser.parse_args(words).only.split(",")
    if unknown := {*parts} - {*PARTS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    server.empty_home()
    os.sched_setaffinity(0, processes.OTHER_CORES)
    try:
        found, broken = _measured(parts)
    except load.NoAnswer as fault:
        sys.stderr.write(f"\nbench: {fault}\n")
        return 1
    known = json.loads(results.SCALING.read_text()) if results.SCALING.exists() else {}
    known |= {"about": machine.described(), "broken": {**known.get("broken", {}), **broken}, **found}
    results.SCALING.write_text(json.dumps(known, indent=1) + "\n")
    results.write()
    faults = [fault for part in broken.values() for fault in part]
    sys.stdout.write("\n".join(["", *(faults or ["Every promise holds."]), "See bench/RESULTS.md.", ""]))
    return 1 if faults else 0


def _measured(parts: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
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
            ("memory", lambda: memory_and_start.memory(url, callers)),
            ("rows", lambda: rows.measured(url)),
        ):
            if name in parts:
                found[name], broken[name] = part()
    return found, broken


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
