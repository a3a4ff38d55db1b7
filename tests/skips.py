"""pytest plugin: with ``CI=true``, a skipped test is a failure, unless another run is responsible for it.

CI installs every program that a test needs. A run with a missing one must not succeed. Tests marked ``nightly`` take
minutes; only ``NIGHTLY=true``, which ``make nightly`` sets, runs them. Modules marked ``slow`` take more than 1.5
seconds, and 0.04 a test; ``FAST=true``, which ``make test`` sets, leaves them out, and ``make test ALL=true`` does not.
"""

import os
from collections.abc import Generator
from typing import Final

import pytest

from tests.distributed import REASON, is_fast

IN_CI: Final = os.environ.get("CI") == "true"
NIGHTLY: Final = "make nightly runs it (NIGHTLY=true)"
DELIBERATE: Final = (REASON, NIGHTLY, "make soak", "needs root")
"""Parts of the reasons for which tests are left to another run."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests marked ``nightly`` in other runs, and leave out those marked ``slow`` in a fast one."""
    if os.environ.get("NIGHTLY") != "true":
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(pytest.mark.skip(reason=NIGHTLY))
    if is_fast():
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, object, object]:
    """Fail a test that is skipped in CI."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, object, object]:
    """Name the failed tests last in CI, where pytest writes their messages in full and few lines of output are kept."""
    result = yield
    if IN_CI:
        failed = terminalreporter.getreports("failed") + terminalreporter.getreports("error")
        for nodeid in dict.fromkeys(report.nodeid for report in failed):
            terminalreporter.write_line(f"failed: {nodeid}")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, object, object]:
    """Fail a module that is skipped in CI, as ``pytest.importorskip`` does."""
    return _judged((yield))


def _judged(report: object) -> object:
    if not isinstance(report, pytest.TestReport | pytest.CollectReport) or not IN_CI or not report.skipped:
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not hasattr(report, "wasxfail") and not any(part in reason for part in DELIBERATE):
        report.outcome = "failed"
        report.longrepr = f"{reason.removeprefix('Skipped: ')} (with CI=true, nothing may be skipped)"
    return report
