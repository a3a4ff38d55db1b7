"""How much is generated, and from which seed; the seed is printed at the end of the run."""

import os
import secrets
from typing import Final

import pytest

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "30"))
SEED: Final = int(os.environ.get("FUZZ_SEED", secrets.randbelow(2**32)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to repeat the run."""
    terminalreporter.write_line(f"fuzz: {EXAMPLES} examples per operation; FUZZ_SEED={SEED} repeats them")
