"""The share of work slots for password hashing: half of the slots, and with its queue half of the threads.

One hash takes 20 ms of CPU time and 19 MiB. Without a separate share, a burst of logins would take every slot. The
share is taken before the slot. A request that waits for the share therefore holds no slot. A pinned worker hashes on
any core, because a hash doesn't hold the interpreter's lock.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

from app.resilience import cpu_pinning
from app.resilience.bulkhead import Bulkhead

P = ParamSpec("P")
R = TypeVar("R")

_is_held: Final[ContextVar[bool]] = ContextVar("is_hashing_share_held", default=False)


class HashingShare(Bulkhead):
    """At most half of the work slots; each place is taken together with a slot (``with``)."""

    place = "hashing"
    detail = "too many passwords are being hashed"
    may_be_stuck = False
    """On a busy machine a hash takes long, but it always ends."""

    def __init__(self, bulkhead: Bulkhead, *, threads: int) -> None:
        """Create the share.

        Args:
            bulkhead: the work slots. With a single slot, the share is that slot.
            threads: the server's threads. A request that waits for the share holds a thread; at most half of them do.
        """
        size = max(1, bulkhead.size // 2)
        super().__init__(size, queue=max(0, threads // 2 - size))
        self._slots = bulkhead

    def __enter__(self) -> None:
        """Take a place, then a work slot.

        Raises:
            ServiceUnavailable: no place became free in time, or too many requests already wait.
            DeadlineExceeded: the request's budget ended first.
        """
        self._acquire()
        try:
            self._slots.__enter__()
        except BaseException:
            self._release()
            raise
        _is_held.set(True)
        cpu_pinning.unpin_thread()

    def __exit__(self, *exc_info: object) -> None:
        cpu_pinning.pin_thread()
        _is_held.set(False)
        self._slots.__exit__(*exc_info)
        self._release()

    @staticmethod
    def check() -> None:
        """Check that the caller holds a place.

        Raises:
            RuntimeError: a use case hashes without ``@hashing``.
        """
        if not _is_held.get():
            raise RuntimeError(
                "passwords are hashed within their share of the work slots: decorate the use case, @hashing"
            )


def hashing(method: Callable[P, R]) -> Callable[P, R]:
    """Declare that a use case hashes a password: its operations run within the share. Put it below ``@raises``."""
    method.__hashes__ = True  # type: ignore[attr-defined]  # read by hashes
    return method


def hashes(method: Callable[..., object]) -> bool:
    """True if a use case declares that it hashes."""
    return getattr(method, "__hashes__", False) is True
