"""A hook is a file; each says in its docstring why it stands where it stands in ``HOOKS``. The twins of ``rest.hooks``.

Read the tuple from top to bottom: a call passes it downwards, its answer upwards. (Overload is refused before a thread
is taken, and the deadline runs from the call's arrival: see ``admission``.)
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from app.rpc.calls import Call
from app.rpc.hooks import (
    access_log,
    active_requests,
    authentication,
    deadline,
    limits,
    metrics,
    recovery,
    request_id,
    routing,
    simulation,
    tracing,
)

Proceed = Callable[[], bytes]


class Hook(Protocol):
    """A module with one function."""

    def around(self, call: Call, proceed: Proceed) -> bytes:
        """Return what ``proceed`` returns, the answer's bytes, or raise instead of calling it."""
        ...


OUTER: Final[tuple[Hook, ...]] = (metrics, request_id, tracing, active_requests, deadline, access_log, recovery)
"""What is around refusals, too."""
HOOKS: Final[tuple[Hook, ...]] = (*OUTER, routing, limits, authentication)
SIMULATING: Final[tuple[Hook, ...]] = (*HOOKS, simulation)
"""The same where FAULTS_ON_DEMAND allows callers to choose their errors."""


def pass_through(hooks: tuple[Hook, ...], call: Call, work: Callable[[Call], bytes]) -> bytes:
    """Do the work inside these hooks; what goes wrong is noted in the call."""
    proceed: Proceed = partial(work, call)
    for hook in reversed(hooks):
        proceed = partial(hook.around, call, proceed)
    return proceed()
