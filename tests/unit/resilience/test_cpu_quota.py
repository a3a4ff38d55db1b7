"""The CPU quota, from the files of both versions of control groups."""

from pathlib import Path

import pytest

from app.resilience.cpu_quota import cores_allowed

V1 = "4:cpu,cpuacct:{}\n1:name=systemd:/init.scope\n"
V2 = "0::{}\n"


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    """Create the files of a machine."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def v1(group: str, quota: str, period: str = "100000", mount: str = "cpu,cpuacct") -> dict[str, str]:
    """Return the files of a group in version 1."""
    folder = f"sys/fs/cgroup/{mount}{group}"
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


def v2(group: str, text: str, mount: str = "sys/fs/cgroup") -> dict[str, str]:
    """Return the file of a group in version 2."""
    return {f"{mount}{group}/cpu.max": f"{text}\n"}


SLICE = "/system.slice/candor.service"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        pytest.param(V2.format(SLICE), v2(SLICE, "50000 100000"), 0.5, id="version 2"),
        pytest.param(V2.format(SLICE), v2(SLICE, "max 100000"), None, id="version 2, unlimited"),
        pytest.param(
            V2.format(SLICE),
            {**v2(SLICE, "max 100000"), **v2("/system.slice", "150000 100000")},
            1.5,
            id="version 2, the slice has a smaller quota",
        ),
        pytest.param(
            V2.format(SLICE),
            {**v2(SLICE, "50000 100000"), **v2("/system.slice", "400000 100000")},
            0.5,
            id="version 2, the slice has a larger quota",
        ),
        pytest.param(V2.format("/"), v2("", "200000 100000"), 2, id="version 2, in a container"),
        pytest.param(V2.format("/../../x"), v2("", "200000 100000"), 2, id="version 2, outside of the container"),
        pytest.param(V1.format(SLICE), v1(SLICE, "25000", "50000"), 0.5, id="version 1"),
        pytest.param(V1.format(SLICE), v1(SLICE, "-1"), None, id="version 1, unlimited"),
        pytest.param(V1.format("/docker/0a"), v1("", "100000"), 1, id="version 1, in a container"),
        pytest.param("3:cpu:/a\n", v1("/a", "300000", mount="cpu"), 3, id="version 1, cpu alone"),
        pytest.param("3:cpuset:/a\n", v1("/a", "300000", mount="cpu"), None, id="version 1, another controller"),
        pytest.param(
            V1.format(SLICE) + V2.format(SLICE),
            {**v1(SLICE, "75000"), **v2(SLICE, "max 100000", "sys/fs/cgroup/unified")},
            0.75,
            id="both",
        ),
        pytest.param(V2.format(SLICE), v2(SLICE, "nonsense"), None, id="unknown format"),
        pytest.param(V2.format(SLICE), v2(SLICE, "5 0"), None, id="a period of zero"),
        pytest.param("nonsense\n", {}, None, id="unknown groups"),
        pytest.param(V2.format("/a"), {}, None, id="no files"),
    ],
)
def test_the_smallest_quota_counts(tmp_path: Path, groups: str, files: dict[str, str], cores: float | None) -> None:
    assert cores_allowed(machine(tmp_path, groups, files)) == cores


def test_without_proc_there_is_no_quota(tmp_path: Path) -> None:
    assert cores_allowed(tmp_path) is None
