"""The CPU quota of this process: the limit of its control group, as containers and systemd set it (cgroups(7))."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

UNLIMITED: Final = ("max", "-1")
MOUNTS: Final = {
    "": ("sys/fs/cgroup", "sys/fs/cgroup/unified"),
    "cpu": ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpuacct,cpu"),
}
"""The folders where the groups of a controller are mounted; version 2 has one hierarchy without a name."""


def cores_allowed(root: Path = Path("/")) -> float | None:
    """Return the smallest quota of this process's group and of the groups around it, in cores; ``None``: no quota.

    Args:
        root: the folder that contains ``proc`` and ``sys``.
    """
    return min((quota for folder in _folders(root) for quota in _quotas(folder)), default=None)


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of the group, and of the groups around it.

    In a container the path may begin with groups that only the host sees. Their folders do not exist; the last one,
    which is the mount itself, is then the container's group.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") > 1):
        steps = [step for step in path.split("/") if step not in {"", ".."}]
        for mount in (mount for name in controllers.split(",") for mount in MOUNTS.get(name, ())):
            yield from (root.joinpath(mount, *steps[:length]) for length in range(len(steps) + 1))


def _quotas(folder: Path) -> Iterator[float]:
    """Yield the quota of one group, in the files of either version."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (folder / "cpu.max").read_text().split()
        if quota not in UNLIMITED:
            yield int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota = (folder / "cpu.cfs_quota_us").read_text().strip()
        if quota not in UNLIMITED:
            yield int(quota) / int((folder / "cpu.cfs_period_us").read_text())
