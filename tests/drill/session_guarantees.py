"""Check that no session reads a state older than one it has seen: monotonic reads and read-your-writes.

The state is that of all objects together: a session that has seen a change has seen all changes that were
acknowledged before its request was sent. Source: D. Terry et al., "Session guarantees for weakly consistent
replicated data" (1994).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """An acknowledged write, or a read, of one version of an object. Versions are written in order, from 1."""

    session: object
    item: str
    version: int
    """0 is an object that does not exist."""
    is_write: bool
    began: float
    ended: float


def violations(history: Iterable[Access]) -> list[str]:
    """Return each read of a state that is older than one that its session has seen.

    Args:
        history: the accesses of all sessions. Those of one session do not overlap. A version that is read was written.
    """
    accesses = sorted(history, key=lambda access: access.began)
    writes: dict[str, list[Access]] = defaultdict(list)
    for access in accesses:
        if access.is_write:
            writes[access.item].append(access)
    ends = {item: [write.ended for write in versions] for item, versions in writes.items()}
    seen: dict[tuple[object, str], int] = defaultdict(int)
    horizon: dict[object, float] = defaultdict(lambda: float("-inf"))
    found = []
    for access in accesses:
        key = access.session, access.item
        implied = bisect_left(ends.get(access.item, []), horizon[access.session])
        needed = max(seen[key], implied)
        if access.version < needed:
            found.append(f"session {access.session} read {access.item} at {access.version} after {needed}")
        seen[key] = max(seen[key], access.version)
        if access.version:
            began = writes[access.item][access.version - 1].began
            horizon[access.session] = max(horizon[access.session], began)
    return found
