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


@dataclass(frozen=True, slots=True)
class Position:
    """A position in PostgreSQL's write-ahead log: the timeline, and the LSN in bytes.

    A failover begins a timeline. A server has all changes before a position if neither part of its position is smaller.
    """

    timeline: int
    lsn: int

    def includes(self, other: "Position | None") -> bool:
        """Return whether a server at this position has all changes before the other one."""
        return other is None or (self.timeline >= other.timeline and self.lsn >= other.lsn)

    def joined(self, other: "Position | None") -> "Position":
        """Return the smallest position that includes both."""
        return self if other is None else Position(max(self.timeline, other.timeline), max(self.lsn, other.lsn))


UNREACHED: Final = Position(2**32 - 1, 2**63 - 1)
"""A position that no replica reaches. The next read then goes to the primary."""


@dataclass(frozen=True, slots=True)
class ReplicaReads:
    """Permission to read from a replica."""

    after: Position | None
    """The position that the replica must have reached; ``None`` permits any."""


request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
trace_id: Final[ContextVar[str | None]] = ContextVar("trace_id", default=None)
traceparent: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""The ``traceparent`` of outgoing calls, which continue the trace (W3C Trace Context)."""
bearer: Final[ContextVar[str | None]] = ContextVar("bearer", default=None)
"""The caller's token, for calls of other instances on the caller's behalf. It is never logged."""
principal: Final[ContextVar[Principal | None]] = ContextVar("principal", default=None)
changing: Final[ContextVar[bool | None]] = ContextVar("changing", default=None)
"""True once a COMMIT, or a change without a key to another service, was sent for this request.

From then on a change may have been made, whatever the response.
"""


replica_reads: Final[ContextVar[ReplicaReads | None]] = ContextVar("replica_reads", default=None)
"""The permission to read from a replica; ``None`` reads from the primary."""
position: Final[ContextVar[Position | None]] = ContextVar("position", default=None)
"""The position that includes every change that this request has made or read, if it is known."""


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """Return the work with the current context, for one run in another thread."""
    present = copy_context()

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return present.run(work, *args, **kwargs)

    return run
