"""pytest plugin: declared errors that a part of the tests has not provoked, for the operations that ran.

A complete run judges every error (``tests/law/test_declared_errors.py``). A run of a whole ``tests/api`` fails if an
operation that succeeded in it did not end with an error that its use cases declare. Errors of the machinery, such as a
rate limit, are provoked elsewhere. A smaller run only lists the errors of operations of which it has provoked some.
"""

from typing import Final

import pytest

from tests.distributed import is_fast, is_filtered, is_full
from tests.observed_errors import PROVOKED
from tests.operations_that_ran import RAN

WHOLE: Final = frozenset({"tests", "tests/api"})


def unprovoked(*, is_whole: bool) -> list[str]:
    """Return a line for each operation that succeeded, with the codes of its errors that did not occur."""
    lines = []
    for name, codes in sorted(RAN.items()):
        left = {code for code in codes if (name, code) not in PROVOKED}
        if left and (is_whole or len(left) < len(codes)):
            lines.append(f"{name} declares {', '.join(sorted(left))}")
    return lines


def is_whole(config: pytest.Config) -> bool:
    """Return whether this run has all tests of the API."""
    given = {arg.rstrip("/") for arg in config.args}
    return not is_filtered(config) and not is_full(config) and not given.isdisjoint(WHOLE)


def is_judged(config: pytest.Config) -> bool:
    """Return whether this process judges a partial run: it is not a worker, and not a complete run."""
    return not (hasattr(config, "workerinput") or is_full(config) or is_filtered(config) or is_fast())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of all tests of the API that has left an error out."""
    if is_judged(session.config) and is_whole(session.config) and unprovoked(is_whole=True):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the errors."""
    lines = unprovoked(is_whole=is_whole(config)) if is_judged(config) else []
    if lines:
        terminalreporter.section("declared errors that no test of this run has provoked")
        for line in lines:
            terminalreporter.write_line(line)
        terminalreporter.write_line("Write a test that ends with each, unless one exists, or remove it from @raises.")
