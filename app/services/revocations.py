"""The list of revoked sessions and tokens: this process's copy, and the age of the copy.

The list is read incrementally, in the order of transactions. A revocation is in force within 5 seconds. An older copy
is reported. A copy older than ``BELIEVED_FOR`` is not used: tokens are then rejected with 503.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from app.errs import raises
from app.errs.platform import ServiceUnavailable
from app.resilience.clock import Clock
from app.resilience.digest_set import SHARDS, DigestSet, digest_of
from app.resilience.event_dispatch import notify

FRESH_FOR: Final = timedelta(seconds=5).total_seconds()
"""Age of the list beyond which a revocation may be in force too late; it is reported."""
BELIEVED_FOR: Final = timedelta(seconds=60).total_seconds()
"""Age of the list beyond which no token is accepted: longer than most failovers of the database, much shorter than the
15 minutes that an access token is valid for."""
PAGE: Final = 10_000
NEWEST: Final = 1_000
"""The number of newest entries that are read first if the list has several pages. New revocations then don't wait."""
AT_A_TIME: Final = SHARDS // 16
"""The number of shards from which each read removes expired entries."""


class Revoked(Protocol):
    """A revoked session or token."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def until(self) -> int: ...  # noqa: D102
    @property
    def xid(self) -> int: ...  # noqa: D102
    @property
    def seq(self) -> int: ...  # noqa: D102


class Reads(Protocol):
    """See ``app.repositories.sessions``."""

    def horizon(self) -> tuple[int, str]: ...  # noqa: D102
    def after(self, xid: int, seq: int, *, most: int) -> Sequence[Revoked]: ...  # noqa: D102
    def newest(self, *, most: int) -> Sequence[Revoked]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The event that the list was read, with its number of entries."""

    entries: int


@dataclass(frozen=True, slots=True)
class Aged:
    """The event that the list has become older than ``FRESH_FOR``, or is up to date again (``error`` is ``None``).

    ``seconds`` is its age, infinite before the first read.
    """

    seconds: float
    error: Exception | None


Hook = Callable[[Refreshed | Aged], None]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A read of the list in progress: when it began, the horizon of that moment, and the last entry read."""

    began: float
    horizon: int
    after: tuple[int, int]


class RevocationList:
    """Revoked sessions and tokens, by digest."""

    def __init__(
        self,
        reads: Reads,
        *,
        clock: Clock,
        hooks: tuple[Hook, ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty list.

        Args:
            reads: reads the table.
            clock: the clock for the expiry of entries.
            hooks: called after each read, and when the list becomes too old or is up to date again.
            monotonic: the clock of the list's age, in seconds.
        """
        self._reads, self._clock, self._hooks, self._monotonic = reads, clock, hooks, monotonic
        self._digests = DigestSet()
        self._horizon = 0
        self._server: str | None = None
        self._walk: _Walk | None = None
        self._fresh_at = float("-inf")
        self._is_followed = self._is_old = False

    def __contains__(self, digest: int) -> bool:
        return digest in self._digests

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is revoked."""
        return not self._digests

    @raises(ServiceUnavailable)
    def check_age(self) -> None:
        """Check that the list is not too old. A process that never started to poll it, such as a test, passes.

        Raises:
            ServiceUnavailable: the list is older than ``BELIEVED_FOR``.
        """
        if self._is_followed and self._monotonic() - self._fresh_at > BELIEVED_FOR:
            raise ServiceUnavailable(
                retry_after=round(FRESH_FOR),
                reason="the list of revoked sessions is too old to accept tokens",
                is_local=True,
            )

    @raises(runs_callable=True)
    def refresh_in_steps(self) -> None:
        """Read new entries, as a poller. From the first call on, the age of the list is checked."""
        self._is_followed = True
        try:
            self.refresh()
        except Exception as error:
            self._note_age(error)
            raise
        self._note_age(None)

    @raises(runs_callable=True)
    def refresh(self) -> None:
        """Read new entries. A read that was interrupted continues from its last page."""
        if self._walk is not None:
            self._add(self._reads.newest(most=NEWEST))
        walk = self._walk or self._begin()
        while len(rows := self._reads.after(*walk.after, most=PAGE)) == PAGE:
            self._add(rows)
            walk = self._walk = _Walk(walk.began, walk.horizon, (rows[-1].xid, rows[-1].seq))
            self._add(self._reads.newest(most=NEWEST))
        self._add(rows)
        self._walk, self._horizon, self._fresh_at = None, walk.horizon, walk.began
        self._digests.discard_expired(self._clock.now().timestamp(), shards=AT_A_TIME)
        notify(self._hooks, Refreshed(len(self._digests)))

    def _add(self, rows: Sequence[Revoked]) -> None:
        for row in rows:
            self._digests.add(digest_of(row.id), row.until)

    def _begin(self) -> _Walk:
        """Start after all transactions that had ended when the previous read started.

        Transactions that had not ended have IDs at or above the horizon of that time. They are therefore read, even if
        they commit late. After a failover or a restart, the whole list is read again: a failover may have lost
        transactions, and PostgreSQL then reuses their IDs. A horizon that has decreased also means another server.
        """
        began, (horizon, server) = self._monotonic(), self._reads.horizon()
        if horizon < self._horizon or server != self._server:
            self._horizon = 0
        self._server = server
        self._walk = _Walk(began, horizon, (self._horizon, -1))
        return self._walk

    def _note_age(self, error: Exception | None) -> None:
        age = self._monotonic() - self._fresh_at
        is_old = age > FRESH_FOR
        if is_old is not self._is_old:
            self._is_old = is_old
            notify(self._hooks, Aged(age, error if is_old else None))
