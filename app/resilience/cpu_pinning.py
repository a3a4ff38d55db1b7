"""A CPU core for each worker process (PIN_WORKERS). Linux only.

Only one thread of a Python process runs at a time. On several cores its threads wait for each other across cores, which
costs CPU time. A pinned process keeps all of its threads on one core.

A process claims a core with an abstract Unix socket whose name contains the number of the core (unix(7)). All users of
a machine share these names, and the kernel frees a name when its process ends. There are no files to clean up, and a
user who takes all names only prevents pinning.
"""

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from app.resilience import cpu_quota

MODES: Final = ("auto", "on", "off")
NAME: Final = "\0claimed-cpu-core/{}"
"""The name of a core's socket. Services with other names use it too, because they compete for the same cores."""
RETRY_SECONDS: Final = 3.0
"""How often a process without a core tries again: after a reload, until the previous workers have ended."""
INITIAL_PID_NAMESPACE: Final = 0xEFFFFFFC
"""The inode of the machine's PID namespace (PROC_PID_INIT_INO of Linux). A container has another one."""
TASKS: Final = Path("/proc/self/task")


class Claim(NamedTuple):
    """The socket that claims a core, the core, and all cores that this process may use."""

    socket: socket.socket
    core: int
    allowed: tuple[int, ...]


_claims: Final[list[Claim]] = []
"""The claim of this process, at most one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cores that worker processes may claim, one each; none if pinning is off."""

    cores: tuple[int, ...]
    reason: str
    """The decision, for the log."""


def plan(mode: str, *, workers: int, root: Path = Path("/")) -> Plan:
    """Return the cores for that many worker processes, or the reason why they are not pinned.

    Args:
        mode: ``auto``, ``on`` (also in a container, where other containers' claims are invisible) or ``off``.
        workers: the number of processes.
        root: the folder that contains ``proc`` and ``sys``.
    """
    if mode == "off":
        return Plan((), "off: PIN_WORKERS")
    if sys.platform != "linux":
        return Plan((), "off: the system is not Linux")
    cores, quota = tuple(sorted(os.sched_getaffinity(0))), cpu_quota.cores_allowed(root)
    if mode == "auto" and not _sees_the_machine(root):
        return Plan((), "off: a container does not see which cores others use")
    if workers > len(cores):
        return Plan((), f"off: more workers ({workers}) than cores ({len(cores)})")
    if quota is not None and workers > quota:
        return Plan((), f"off: more workers ({workers}) than cores in the CPU quota ({quota:g})")
    if not _pin(cores):
        return Plan((), "off: the system call sched_setaffinity is not permitted")
    return Plan(cores, f"one core for each worker, of {', '.join(map(str, cores))}")


def claim(plan: Plan) -> None:
    """Pin this process to a free core; if there is none, as soon as there is one. Call it after the fork."""
    if plan.cores and not _claim(plan.cores):
        threading.Thread(target=_claim_later, args=(plan.cores,), name="cpu pinning", daemon=True).start()


def unpin_thread() -> None:
    """Let this thread run on all cores, for work that doesn't hold the interpreter's lock, until ``pin_thread``."""
    for claimed in _claims:
        with suppress(OSError):
            os.sched_setaffinity(0, claimed.allowed)


def pin_thread() -> None:
    """Let this thread run on the core of its process again, if the process has one."""
    for claimed in _claims:
        with suppress(OSError):
            os.sched_setaffinity(0, (claimed.core,))


def _claim_later(cores: tuple[int, ...]) -> None:
    while not _claim(cores):
        time.sleep(RETRY_SECONDS)


def _claim(cores: tuple[int, ...]) -> bool:
    """Claim the first free core, and return true if there is one."""
    for core in cores:
        claimed = socket.socket(socket.AF_UNIX)
        with suppress(OSError):  # the name is taken
            claimed.bind(NAME.format(core))
            if _pin((core,)):
                _claims.append(Claim(claimed, core, cores))
                return True
        claimed.close()
    return False


def _pin(cores: tuple[int, ...]) -> bool:
    """Let all threads of this process run on these cores only; later threads inherit that."""
    pinned: set[str] = set()
    try:
        while new := {each.name for each in TASKS.iterdir()} - pinned:
            for thread in new:
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread), cores)
            pinned |= new
    except OSError:
        return False
    return True


def _forget_claim() -> None:
    """Leave the claim to the parent process, which has it until it ends."""
    while _claims:
        _claims.pop().socket.close()


os.register_at_fork(after_in_child=_forget_claim)


def _sees_the_machine(root: Path) -> bool:
    try:
        return (root / "proc/self/ns/pid").stat().st_ino == INITIAL_PID_NAMESPACE
    except OSError:
        return False
