"""Benchmarks: their settings, their targets, and the long run.

Those that load the application count metrics like a worker: none may be loaded before their files exist.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from app.config import Settings
from bench import comparison_charts, go_peer, results, targets
from bench.candidates import CANDIDATES, Candidate
from bench.scaling import memory_and_start
from bench.workloads import WORKLOADS, Callers
from deploy.metering.metrics_folder import COUNTING

ENTRIES = ("bench.__main__", "bench.cost", "bench.guard", "bench.scaling.__main__")


@pytest.mark.parametrize("entry", ENTRIES)
def test_it_loads_no_metrics(entry: str) -> None:
    code = f"import sys, {entry}; sys.exit({COUNTING!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("candidate", [each for each in CANDIDATES if each.is_candor], ids=lambda each: each.key)
def test_the_settings_of_the_benchmark_are_valid(candidate: Candidate) -> None:
    settings = Settings.from_env(candidate.environment("postgresql://127.0.0.1/x", 8001))
    assert (settings.rpc_port if candidate.is_rpc else settings.port) == 8001
    assert settings.warnings == []


class TestTargets:
    @pytest.mark.parametrize(
        ("value", "is_least", "verdict"),
        [(1.0, False, "met"), (1.03, False, "within 4 %"), (1.05, False, "**missed**"), (1.2, True, "met"),
         (0.98, True, "within 4 %"), (0.9, True, "**missed**")],
    )  # fmt: skip
    def test_a_value_is_compared_with_its_limit(self, value: float, is_least: bool, verdict: str) -> None:
        assert targets.Target("x", 1.0, value, is_least=is_least).verdict == verdict

    def test_each_target_has_a_value(self) -> None:
        found = [
            *targets.of(_comparison({"candor": 80.0, "litestar": 100.0, "flask": 90.0, "baseline": 10.0, "go": 1.0}))
        ]
        values = {each.name: each.value for each in found}
        assert values["W1: CPU, Litestar = 1"] == 0.8
        assert values["W1: CPU, before = 1 (1.98 times Litestar)"] == pytest.approx(0.8 / 1.98)
        assert values["W1: CPU, cheapest peer (flask) = 1"] == pytest.approx(80 / 90)
        assert values["W1: p99 at 60 % of capacity, Litestar = 1"] == 1.0
        assert values["W1: two workers on two cores, one = 1 (by CPU)"] == 2.0
        assert len(values) == len(found)

    def test_two_workers_count_by_throughput_where_the_cores_suffice(self) -> None:
        found = _comparison({"candor": 80.0}) | {"about": {"cores": "8"}}
        values = {each.name: each.value for each in targets.of(found)}
        assert values["W1: two workers on two cores, one = 1 (served)"] == 1.5

    def test_the_table_counts_each_result(self) -> None:
        table = targets.table(_comparison({"candor": 120.0, "litestar": 100.0}))
        assert table.startswith("9 targets: 4 met, 0 within 4 %, 5 **missed**.\n\n| target")


def _comparison(costs: dict[str, float]) -> dict[str, Any]:
    """Return a comparison of candidates in one workload, by their CPU time."""
    burst = {"cpu_us": 1.0, "per_second": 100.0}
    candidates = [
        {
            "key": key,
            "name": key,
            "is_framework": key in {"flask", "litestar"},
            "worker_megabytes": 80.0,
            "start_seconds": 1.0,
            "cells": {
                "W1": {
                    "cpu_us": cost,
                    "database_us": 9.0,
                    "steady": {"p99": 4.0},
                    "crowds": {"16": burst},
                    "pairs": [burst, {"cpu_us": 1.0, "per_second": 150.0}],
                }
            },
        }
        for key, cost in costs.items()
    ]
    return {"about": {"cores": "2"}, "workloads": {"W1": "GET one"}, "candidates": candidates}


class TestFlatness:
    SLICES: Final = [{"cpu_us": 400.0 + each % 2, "unexpected": 0} for each in range(10)]
    FLAT: Final = [(10_000.0 * each, 90.0 + 0.2 * (each % 2)) for each in range(1, 21)]

    def test_ok(self) -> None:
        assert [*memory_and_start.flatness(self.FLAT, self.SLICES)] == []

    def test_memory_before_the_caches_are_full_does_not_count(self) -> None:
        early = [(1_000.0 * each, 30.0 * each) for each in range(1, 3)]
        assert [*memory_and_start.flatness([*early, *self.FLAT], self.SLICES)] == []

    def test_a_leak(self) -> None:
        leak = [(at, mb + at * 50e-6) for at, mb in self.FLAT]
        (fault,) = memory_and_start.flatness(leak, self.SLICES)
        assert re.fullmatch(r"memory grew by [78]\.\d MB from request 40,000 to 200,000", fault)

    def test_requests_that_become_slower(self) -> None:
        slower = [{"cpu_us": 400.0 + 20 * each, "unexpected": 0} for each in range(10)]
        assert [*memory_and_start.flatness(self.FLAT, slower)] == ["CPU time per request grew by 180 µs from 400 µs"]

    def test_an_unexpected_status(self) -> None:
        slices = [*self.SLICES[1:], {"cpu_us": 400.0, "unexpected": 2}]
        assert [*memory_and_start.flatness(self.FLAT, slices)] == ["2 of 200,000 responses had an unexpected status"]


class TestGo:
    def test_without_a_compiler_the_reason_names_the_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(go_peer, "which", lambda _name: None)
        assert go_peer.build() == f"no Go compiler (apt install {go_peer.PACKAGES})"

    def test_without_the_packages_the_reason_is_the_output_of_the_compiler(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        compiler = tmp_path / "go"
        compiler.write_text("#!/bin/sh\necho cannot find package >&2\nexit 1\n")
        compiler.chmod(0o755)
        monkeypatch.setattr(go_peer, "which", lambda _name: str(compiler))
        monkeypatch.setattr(go_peer, "HOME", tmp_path)
        assert go_peer.build().startswith("go build failed: cannot find package (apt install ")


def test_a_health_check_as_a_route_has_its_own_path() -> None:
    candidate = next(each for each in CANDIDATES if each.key == "candor-route")
    workload = next(each for each in WORKLOADS if each.key == "W7")
    assert candidate.requests(workload, Callers({}, {}, ()))(0).startswith(b"GET /bench/healthz HTTP/1.1\r\n")


def test_every_chart_of_the_page_is_drawn(tmp_path: Path) -> None:
    comparison_charts.write(json.loads(results.COMPARISON.read_text()), tmp_path)
    shown = re.findall(r"\(\.\./\.\./bench/(results[\w-]*\.svg)\)", results.PAGE.read_text())
    assert sorted(shown) == sorted(each.name for each in tmp_path.iterdir())
    for each in tmp_path.iterdir():
        assert each.read_text() == (results.HERE / each.name).read_text()
