"""The order of the hooks around a gRPC call."""

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
    read_after,
    recovery,
    request_id,
    routing,
    simulation,
    tracing,
)

Proceed = Callable[[], bytes]


class Hook(Protocol):
    """A module with a function ``around``."""

    def around(self, call: Call, proceed: Proceed) -> bytes:
        """Return the result of ``proceed``, which is the response's bytes, or raise without calling it."""
        ...


OUTER: Final[tuple[Hook, ...]] = (metrics, request_id, tracing, active_requests, deadline, access_log, recovery)
"""The hooks that also run for rejected calls."""
HOOKS: Final[tuple[Hook, ...]] = (*OUTER, routing, limits, authentication, read_after)
SIMULATING: Final[tuple[Hook, ...]] = (*HOOKS, simulation)
"""The same hooks if FAULTS_ON_DEMAND allows callers to request errors."""


def pass_through(hooks: tuple[Hook, ...], call: Call, work: Callable[[Call], bytes]) -> bytes:
    """Do the work inside these hooks; an error is recorded in the call."""
    proceed: Proceed = partial(work, call)
    for hook in reversed(hooks):
        proceed = partial(hook.around, call, proceed)
    return proceed()
