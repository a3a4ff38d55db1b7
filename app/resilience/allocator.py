"""Memory thresholds of the C library: freed blocks of one MiB and more return to the operating system.

glibc raises its threshold with each large block that is freed, up to 32 MiB. Then the 19 MiB of a password hash come
from the heap of the thread that computes it, and each thread keeps 20 MB. A threshold that is set explicitly does not
change (mallopt(3)).
"""

import ctypes
import platform
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
LARGE: Final = 1 << 20
"""Size, in bytes, from which a block is mapped separately, and from which free memory at the end of a heap is
released."""


def settle(large: int = LARGE) -> bool:
    """Set the thresholds for this process and its forks; return false if the C library is not glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_THRESHOLD, large) and libc.mallopt(M_TRIM_THRESHOLD, large))
