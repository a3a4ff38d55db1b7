"""The decision to pin workers; ``tests/stack/test_cpu_pinning.py`` pins real ones."""

import os
import sys
from pathlib import Path

import pytest

from app.resilience import cpu_pinning
from app.resilience.cpu_pinning import plan

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are pinned on Linux only")
CORES = tuple(sorted(os.sched_getaffinity(0))) if sys.platform == "linux" else ()
MODES = ("auto", "on", "off")


def machine(root: Path, *, quota: str = "max") -> Path:
    """Create the files of a machine, as seen in a container."""
    (root / "proc/self/ns").mkdir(parents=True)
    (root / "proc/self/ns/pid").touch()
    (root / "proc/self/cgroup").write_text("0::/\n")
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "sys/fs/cgroup/cpu.max").write_text(f"{quota} 100000\n")
    return root


def as_the_machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let these files appear as those of the machine itself."""
    monkeypatch.setattr(cpu_pinning, "INITIAL_PID_NAMESPACE", (root / "proc/self/ns/pid").stat().st_ino)
    return root


def test_every_worker_may_claim_one_of_the_allowed_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = plan("auto", workers=1, root=as_the_machine(machine(tmp_path), monkeypatch))
    assert decided.cores == CORES
    assert decided.reason == f"one core for each worker, of {', '.join(map(str, CORES))}"


def test_in_a_container_workers_are_pinned_only_on_request(tmp_path: Path) -> None:
    """Two containers on one machine would both claim its first core."""
    root = machine(tmp_path)
    assert plan("auto", workers=1, root=root) == cpu_pinning.Plan(
        (), "off: a container does not see which cores others use"
    )
    assert plan("on", workers=1, root=root).cores == CORES


@pytest.mark.parametrize(("quota", "is_pinned"), [("max", True), ("100000", True), ("99999", False), ("50000", False)])
def test_a_quota_of_less_than_a_core_prevents_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, *, is_pinned: bool
) -> None:
    decided = plan("auto", workers=1, root=as_the_machine(machine(tmp_path, quota=quota), monkeypatch))
    assert bool(decided.cores) is is_pinned
    assert is_pinned or decided.reason == f"off: more workers (1) than cores in the CPU quota ({int(quota) / 1e5:g})"


@pytest.mark.parametrize("mode", MODES)
def test_more_workers_than_cores_are_not_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    decided = plan(mode, workers=len(CORES) + 1, root=as_the_machine(machine(tmp_path), monkeypatch))
    assert decided.cores == ()
    assert decided.reason.startswith("off: ")


def test_off_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = as_the_machine(machine(tmp_path), monkeypatch)
    assert plan("off", workers=1, root=root) == cpu_pinning.Plan((), "off: PIN_WORKERS")


def test_pinning_is_off_if_the_system_call_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter of systemd forbids it: ``SystemCallFilter=~@resources``."""

    def forbidden(_pid: int, _cores: object) -> None:
        raise PermissionError

    root = as_the_machine(machine(tmp_path), monkeypatch)
    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert plan("auto", workers=1, root=root).reason == "off: the system call sched_setaffinity is not permitted"


def test_another_system_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert plan("auto", workers=1).reason == "off: the system is not Linux"
