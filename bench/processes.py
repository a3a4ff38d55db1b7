"""CPU time and memory of a process and its descendants, as Linux reports them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
CPUCLOCK: Final = 2
"""Bits in the ID of a clock that select the CPU time of another process (clock_getcpuclockid(3))."""
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[:1]
OTHER_CORES: Final = CORES[1:] or CORES


def tree(root: int) -> list[int]:
    """Return the process and its descendants."""
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
    """Return the user and system time of a process tree, including children that have ended."""
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
    """Return the memory of a process tree. Shared memory counts once (PSS)."""
    return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in tree(root)) / 1024


def resident_megabytes(pid: int) -> float:
    """Return the resident set of one process."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def _kilobytes(path: Path, name: str) -> int:
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


@contextmanager
def running_on(cores: list[int]) -> Iterator[None]:
    """Restrict processes that start within the block to these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
