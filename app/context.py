"""Who asks, and under which request: context variables that follow the work wherever it goes."""

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
        """Tell whether the caller may do everything."""
        return ADMIN in self.scopes

    def may(self, scope: str) -> bool:
        """Tell whether the caller has the scope; ``admin`` implies all."""
        return scope in self.scopes or self.is_admin


request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
trace_id: Final[ContextVar[str | None]] = ContextVar("trace_id", default=None)
traceparent: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""What those are told who are asked on the way, so that they continue the trace (W3C Trace Context)."""
bearer: Final[ContextVar[str | None]] = ContextVar("bearer", default=None)
"""The caller's token, for those other instances that are asked on the caller's behalf. It is never logged."""
principal: Final[ContextVar[Principal | None]] = ContextVar("principal", default=None)
changing: Final[ContextVar[bool | None]] = ContextVar("changing", default=None)
"""Whether a COMMIT was sent for this request: from then on a change may have been made, whatever is answered."""


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """Return work that knows the present request, its caller and its deadline, in whatever thread it is done. Once."""
    present = copy_context()

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return present.run(work, *args, **kwargs)

    return run
