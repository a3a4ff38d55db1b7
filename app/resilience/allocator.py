"""How the C library allocates: blocks of a megabyte and more go back to the operating system when they are freed.

glibc raises its threshold for that with each large block that is freed, up to 32 MiB. Then the 19 MiB of a password's
hash come from the heap of the thread that computes it, which keeps them: 20 MB for each thread. A threshold that is set
stays as it is (mallopt(3)).
"""

import ctypes
import platform
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
LARGE: Final = 1 << 20
"""Bytes of a block that is mapped by itself, and of free memory at the end of a heap that is given back."""


def settle(large: int = LARGE) -> bool:
    """Set the thresholds for this process and those that it forks; false where the C library is not glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_THRESHOLD, large) and libc.mallopt(M_TRIM_THRESHOLD, large))
