"""What Flask-Limiter counts in: our windows, in the dress of a storage of the ``limits`` package.

Its own storage for Redis raises where that is away, and waits for one that hangs with every request; ours does neither.
"""

import time
from typing import Any, Final, cast

from limits.storage import Storage

from app.resilience.windows import Window, Windows

SCHEME: Final = "candor"


class WindowStorage(Storage):
    """Counts in the windows that are handed in as the storage option ``windows``."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions)
        self._windows = cast("Windows", options["windows"])

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """Return what counting may raise: nothing."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a hit in the window of this key, which is so many seconds long; one at a time."""
        if amount != 1:
            raise ValueError("hits are counted one by one")
        return self._windows.hit(key, seconds=expiry).hits

    def window(self, key: str, expiry: int) -> Window:
        """Count a hit, and return the window: at one look what a strategy asks for one by one."""
        return self._windows.hit(key, seconds=expiry)

    def get(self, key: str) -> int:
        """Return the hits so far, as far as this process knows."""
        return self._windows.seen(key).hits

    def get_expiry(self, key: str) -> float:
        """Return when the window closes, as a POSIX timestamp."""
        return time.time() + self._windows.seen(key).left

    def check(self) -> bool:
        """Return that it can be counted in, always."""
        return True

    def reset(self) -> int | None:
        """Refuse: nobody takes limits back."""
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """Refuse, as above."""
        raise NotImplementedError
