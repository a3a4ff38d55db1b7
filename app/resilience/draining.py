"""Whether this instance is on its way out: one byte of memory that gunicorn's master shares with all its workers.

The master writes it in its signal handler, so that readiness fails at once, in every worker, with nobody to ask.
"""

import mmap
from typing import Final

_shared: Final = mmap.mmap(-1, 1)
"""Anonymous memory, which a fork does not copy: made before the workers are, when the master imports this."""


def begin() -> None:
    """Declare that the instance is shutting down; nothing takes that back."""
    _shared[0] = 1


def has_begun() -> bool:
    """Tell whether the instance is shutting down."""
    return _shared[0] == 1
