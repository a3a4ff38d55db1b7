"""Where the values lie: a folder of this instance's own, in memory where there is such a place, with files by worker.

A worker goes on with its predecessor's counters, since it has its number; what the predecessor was in the middle of is
forgotten. Nothing is left behind: a folder whose processes are all gone is removed by who starts next.
"""

import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from prometheus_client import values

from app import product
from deploy.serving import worker_index

COUNTING: Final = "app.observability.metrics"
PREFIX: Final = f"{product.SLUG}-metrics-"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- counting must never wait for a disk
MASTER: Final = "master"
ROOM: Final = 2**20
"""Bytes for what does not grow, and for the master."""
ALLOTTED: Final = {"histogram_{}.db": 2**20, "counter_{}.db": 2**18}
"""Bytes of those files of a worker that grow; what is counted in them has a bounded number of labels."""
LIVE: Final = "gauge_live*_{}.db"

_home: Path | None = None
_lock: Any = None


def begin(workers: int = 1) -> None:
    """Have everything counted in files from now on, in this process and those that it forks; once is enough.

    Where no place has room for so many workers, each counts for itself, and ``home`` is ``None``.

    Raises:
        RuntimeError: something is counted already, and would be lost.
    """
    global _home, _lock  # noqa: PLW0603 -- a process has one of each
    if _home is not None:
        return
    if COUNTING in sys.modules:
        raise RuntimeError(f"{COUNTING} is imported before the files are there that it is to count in")
    place = next((each for each in places() if _has_room(each, ROOM + workers * sum(ALLOTTED.values()))), None)
    if place is None:
        return
    _sweep(place)
    _home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    _lock = (_home / "made").open("w")
    fcntl.flock(_lock, fcntl.LOCK_EX)  # a fork shares it: it is free once the last of us has ended
    (_home / "made").rename(_home / "lock")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_home)
    values.ValueClass = values.MultiProcessValue(_whose)  # type: ignore[no-untyped-call]  # theirs


def home() -> Path | None:
    """Return the folder; ``None`` as long as nothing is counted in files."""
    return _home


def end() -> None:
    """Remove the folder."""
    if _home is not None:
        shutil.rmtree(_home, ignore_errors=True)


def allot(number: int) -> None:
    """Make room for what a worker will count: to run out of it while counting would kill the worker (SIGBUS)."""
    forget(number)
    if _home is None or not hasattr(os, "posix_fallocate"):
        return
    for name, size in ALLOTTED.items():
        with (_home / name.format(number)).open("ab") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, size)


def forget(number: int) -> None:
    """Forget what a worker that is gone was in the middle of; what it has counted stays."""
    if _home is not None:
        for path in _home.glob(LIVE.format(number)):
            path.unlink(missing_ok=True)


def places() -> list[Path]:
    """Return the folders that files can be made in, the one in memory first."""
    with suppress(FileNotFoundError):
        return [each for each in (MEMORY, Path(tempfile.gettempdir())) if os.access(each, os.W_OK)]
    return [MEMORY] if os.access(MEMORY, os.W_OK) else []


def _has_room(place: Path, size: int) -> bool:
    free = os.statvfs(place)
    return free.f_bavail * free.f_frsize >= size


def _whose() -> str:
    number = worker_index.own()
    return MASTER if number is None else str(number)


def _sweep(place: Path) -> None:
    """Remove what instances that were killed have left, if they were ours."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.stat().st_uid == os.geteuid():
                shutil.rmtree(folder)
