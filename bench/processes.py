"""CPU time and memory of a process and all its descendants, from Linux's accounting."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
CPUCLOCK: Final = 2
"""The part of the clock id of another process that selects its scheduled CPU time (clock_getcpuclockid(3))."""
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[:1]
SERVER_CORES: Final = CORES[:2]
"""The cores of two workers."""
OTHER_CORES: Final = CORES[2:] or CORES[1:] or CORES
"""The cores of PostgreSQL and of the callers. With two cores, the second worker shares theirs."""


def tree(root: int) -> list[int]:
    """Return the process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """Return the user and system time of a tree, ended children included."""
    return sum(_own(pid) + _of_the_dead(pid) for pid in tree(root))


def _own(pid: int) -> float:
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | CPUCLOCK)
    return 0.0


def _of_the_dead(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / TICKS
    return 0.0


def megabytes(root: int) -> float:
    """Return the memory of a tree; shared memory is counted once (PSS)."""
    return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in tree(root)) / 1024


def resident_megabytes(pid: int) -> float:
    """Return the resident set of one process."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def worker_megabytes(root: int) -> float:
    """Return the resident set of the heaviest process below the first, or of the first if it is the only one."""
    first, *workers = tree(root)
    return max(map(resident_megabytes, workers or [first]))


def _kilobytes(path: Path, name: str) -> int:
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


@contextmanager
def running_on(cores: list[int]) -> Iterator[None]:
    """Run processes that start in the block on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
