"""Benchmarks that load the application count metrics like a worker: none may be loaded before their files exist."""

import subprocess
import sys

import pytest

from deploy.metering.metrics_folder import COUNTING

ENTRIES = ("bench.__main__", "bench.cost", "bench.guard", "bench.scaling.__main__")


@pytest.mark.parametrize("entry", ENTRIES)
def test_it_loads_no_metrics(entry: str) -> None:
    code = f"import sys, {entry}; sys.exit({COUNTING!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
