"""The caller and the request of the current work, as context variables."""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ADMIN: Final = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: the token's subject and its scopes."""

    id: str
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """True if the caller has all permissions."""
        return ADMIN in self.scopes

    def may(self, scope: str) -> bool:
        """True if the caller has the scope; ``admin`` implies all scopes."""
        return scope in self.scopes or self.is_admin


request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
trace_id: Final[ContextVar[str | None]] = ContextVar("trace_id", default=None)
traceparent: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""The ``traceparent`` of outgoing calls, which continue the trace (W3C Trace Context)."""
bearer: Final[ContextVar[str | None]] = ContextVar("bearer", default=None)
"""The caller's token, for calls of other instances on the caller's behalf. It is never logged."""
principal: Final[ContextVar[Principal | None]] = ContextVar("principal", default=None)
changing: Final[ContextVar[bool | None]] = ContextVar("changing", default=None)
"""True once a COMMIT was sent for this request: from then on a change may have been made, whatever the response."""


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """Return the work with the current context, for one run in another thread."""
    present = copy_context()

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return present.run(work, *args, **kwargs)

    return run
