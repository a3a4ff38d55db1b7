"""Benchmarks that load the application count metrics like a worker: none may be loaded before their files exist."""

import subprocess
import sys

import pytest

from app.config import Settings
from bench.candidates import CANDIDATES, CANDOR, Candidate
from deploy.metering.metrics_folder import COUNTING

ENTRIES = ("bench.__main__", "bench.cost", "bench.guard", "bench.scaling.__main__")


@pytest.mark.parametrize("entry", ENTRIES)
def test_it_loads_no_metrics(entry: str) -> None:
    code = f"import sys, {entry}; sys.exit({COUNTING!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("candidate", [each for each in CANDIDATES if each.key in CANDOR], ids=lambda each: each.key)
def test_the_settings_of_the_benchmark_are_valid(candidate: Candidate) -> None:
    settings = Settings.from_env(candidate.environment("postgresql://127.0.0.1/x", 8001))
    assert (settings.rpc_port if candidate.is_rpc else settings.port) == 8001
    assert settings.warnings == []
