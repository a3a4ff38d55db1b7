"""The table of revocations, in memory, with transactions that may commit in another order than they began."""

from typing import NamedTuple

FAR: int = 4_102_444_800


class Entry(NamedTuple):
    """A revoked session."""

    xid: int
    seq: int
    id: str
    until: int = FAR


class FakeRevocations:
    """A fake of ``RevokedTokenReads``; ``fault`` is raised in place of a result."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.open: set[int] = set()
        self.next = 1
        self.reads = 0
        self.server = "one"
        self.fault: Exception | None = None

    def begin(self) -> int:
        """Begin a transaction, and return its id."""
        self.open.add(self.next)
        self.next += 1
        return self.next - 1

    def commit(self, xid: int, *ids: str, until: int = FAR) -> None:
        """Commit the transaction: these are revoked."""
        self.open.discard(xid)
        self.entries += [Entry(xid, len(self.entries) + at, each, until) for at, each in enumerate(ids)]

    def revoke(self, *ids: str, until: int = FAR) -> None:
        """Revoke these in their own transaction."""
        self.commit(self.begin(), *ids, until=until)

    def horizon(self) -> tuple[int, str]:
        """Return the oldest open transaction, or the next one, and the server."""
        if self.fault:
            raise self.fault
        return min(self.open, default=self.next), self.server

    def after(self, xid: int, seq: int, *, most: int) -> list[Entry]:
        """Return the entries after this one."""
        if self.fault:
            raise self.fault
        found = sorted(each for each in self.entries if (each.xid, each.seq) > (xid, seq))[:most]
        self.reads += len(found)
        return found

    def newest(self, *, most: int) -> list[Entry]:
        """Return the newest entries."""
        return sorted(self.entries)[: -most - 1 : -1]
