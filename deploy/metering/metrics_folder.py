"""The folder of an instance's metrics, in memory where possible, with files by worker index.

A worker continues its predecessor's counters, because it has the same index; unfinished requests of the predecessor
are forgotten. Nothing is left behind: the next instance that starts removes folders whose processes have all ended.
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
from deploy.metering.file_values import FileValue

COUNTING: Final = "app.observability.metrics"
PREFIX: Final = f"{product.SLUG}-metrics-"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- counting must never wait for a disk
ROOM: Final = 2**20
"""Bytes of files that do not grow, and of the master's files."""
ALLOTTED: Final = {"histogram_{}.db": 2**20, "counter_{}.db": 2**18}
"""Bytes of a worker's files that grow; the metrics in them have a bounded number of labels."""
LIVE: Final = "gauge_live*_{}.db"

_home: Path | None = None
_lock: Any = None


def begin(workers: int = 1) -> None:
    """Count in files from now on, in this process and its forks; one call is enough.

    Where no folder has space for that many workers, each worker counts separately, and ``home`` is ``None``.

    Raises:
        RuntimeError: a metric exists already, and would be lost.
    """
    global _home, _lock  # noqa: PLW0603 -- a process has one of each
    if _home is not None:
        return
    if COUNTING in sys.modules:
        raise RuntimeError(f"{COUNTING} is imported before the files are there that it is to count in")
    place = next((each for each in places() if _has_space(each, ROOM + workers * sum(ALLOTTED.values()))), None)
    if place is None:
        return
    _sweep(place)
    _home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    _lock = (_home / "made").open("w")
    fcntl.flock(_lock, fcntl.LOCK_EX)  # forks share it: it is free when the last of these processes has ended
    (_home / "made").rename(_home / "lock")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_home)
    values.ValueClass = FileValue


def home() -> Path | None:
    """Return the folder; ``None`` as long as there are no files."""
    return _home


def end() -> None:
    """Remove the folder."""
    if _home is not None:
        shutil.rmtree(_home, ignore_errors=True)


def allot(number: int) -> None:
    """Reserve space for the files of a worker: running out of it while counting would kill the worker (SIGBUS)."""
    forget(number)
    if _home is None or not hasattr(os, "posix_fallocate"):
        return
    for name, size in ALLOTTED.items():
        with (_home / name.format(number)).open("ab") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, size)


def forget(number: int) -> None:
    """Forget the unfinished requests of a worker that has ended; its counters stay."""
    if _home is not None:
        for path in _home.glob(LIVE.format(number)):
            path.unlink(missing_ok=True)


def places() -> list[Path]:
    """Return the folders in which files can be created, the one in memory first."""
    with suppress(FileNotFoundError):
        return [each for each in (MEMORY, Path(tempfile.gettempdir())) if os.access(each, os.W_OK)]
    return [MEMORY] if os.access(MEMORY, os.W_OK) else []


def _has_space(place: Path, size: int) -> bool:
    free = os.statvfs(place)
    return free.f_bavail * free.f_frsize >= size


def _sweep(place: Path) -> None:
    """Remove the folders of killed instances, if this user owns them."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.stat().st_uid == os.geteuid():
                shutil.rmtree(folder)
