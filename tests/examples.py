"""The number of examples that a property test draws: a quarter in ``make test``, all in ``make nightly``."""

import os
from typing import Final

SCALE: Final = float(os.environ.get("EXAMPLES_SCALE", "0.25"))
"""Share of the examples, 1 for all of them."""


def examples(number: int) -> int:
    """Return the number to draw in this run, 10 at least."""
    return max(10, round(number * SCALE))
