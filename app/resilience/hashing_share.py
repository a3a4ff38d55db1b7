"""The share of the work slots that hashing passwords may take: half of them, and half of the threads with its queue.

One hash takes 20 ms of a core and 19 MiB: without a share of its own, a burst of logins leaves no slot for others. The
share is taken before the slot, so that whoever waits for it holds none.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

from app.resilience.bulkhead import Bulkhead

P = ParamSpec("P")
R = TypeVar("R")

_is_held: Final[ContextVar[bool]] = ContextVar("is_hashing_share_held", default=False)


class HashingShare(Bulkhead):
    """At most half of the work slots, each taken together with one of them (``with``)."""

    place = "hashing"
    detail = "too many passwords are being hashed"
    may_be_stuck = False
    """On a busy machine a hash takes long, and always ends."""

    def __init__(self, bulkhead: Bulkhead, *, threads: int) -> None:
        """Make the share.

        Args:
            bulkhead: all of them; of a single one, the share is that one.
            threads: of the server. Requests that wait for the share hold theirs, so at most half of them do.
        """
        size = max(1, bulkhead.size // 2)
        super().__init__(size, queue=max(0, threads // 2 - size))
        self._slots = bulkhead

    def __enter__(self) -> None:
        """Take a place, and then a work slot.

        Raises:
            ServiceUnavailable: none became free soon enough, or too many wait already.
            DeadlineExceeded: the request's budget ended first.
        """
        self._acquire()
        try:
            self._slots.__enter__()
        except BaseException:
            self._release()
            raise
        _is_held.set(True)

    def __exit__(self, *exc_info: object) -> None:
        _is_held.set(False)
        self._slots.__exit__(*exc_info)
        self._release()

    @staticmethod
    def check() -> None:
        """Hold that a place is taken.

        Raises:
            RuntimeError: a use case hashes without declaring it.
        """
        if not _is_held.get():
            raise RuntimeError(
                "passwords are hashed within their share of the work slots: decorate the use case, @hashing"
            )


def hashing(method: Callable[P, R]) -> Callable[P, R]:
    """Declare that a use case hashes a password: its operations run within the share. It stands below ``@raises``."""
    method.__hashes__ = True  # type: ignore[attr-defined]  # read by hashes
    return method


def hashes(method: Callable[..., object]) -> bool:
    """Tell whether a use case declares that it hashes."""
    return getattr(method, "__hashes__", False) is True
