"""Prepare a child process of the launcher, then execute its program: `exec_child.py PARENT SIGNAL ACCOUNT PROGRAM …`.

A separate program rather than a `preexec_fn`, because a parent with threads may start it. The order matters: a
change of user resets the signal at the parent's death, and the check that the parent lives must come after both.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_SECUREBITS: Final = 28
SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
CAP_DAC_OVERRIDE: Final = 1
CAPABILITY_VERSION_3: Final = 0x20080522

_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
if _libc is not None:
    _libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
KERNEL_SIGNALS_CHILD: Final = _libc is not None  # when its parent dies


def ends_with_parent(signum: int) -> bool:
    """Request `signum` from the kernel when the thread that started this process ends; False if unsupported (macOS)."""
    return _libc is not None and _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0) == 0


def become(uid: int, gid: int, *, sees_all: bool) -> None:
    """Change from root to another user: PostgreSQL does not run as root.

    `sees_all` keeps the one capability that opens files with any mode, which a checkout below a home folder of
    mode 0700 needs. Where it is missing (some containers) the process continues without it: often no folder is closed.
    """
    if _libc is not None and sees_all:
        # Capabilities stay as the user changes, and access(2), by which initdb looks for its programs, counts them.
        _libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if _libc is not None and sees_all:
        if _only_capability(_libc, 1 << CAP_DAC_OVERRIDE):
            _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
        else:
            _only_capability(_libc, 0)


def _only_capability(libc: ctypes.CDLL, bits: int) -> bool:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)  # effective, permitted, inheritable; then the upper 32
    return bool(libc.capset(header, sets) == 0)


def command(argv: list[str], *, dies_by: signal.Signals, account: tuple[int, int] | None, sees_all: bool) -> list[str]:
    """Return the command line that runs `argv` as a child of this process under these conditions."""
    uid, gid = account or (-1, -1)
    prefix = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(dies_by)), f"{uid}:{gid}:{sees_all:d}"]
    return [*prefix, *argv]


def main(parent: str, signum: str, account: str, *argv: str) -> None:
    """Apply the conditions and execute `argv`; end at once if the parent has ended."""
    uid, gid, sees_all = map(int, account.split(":"))
    if uid >= 0:
        become(uid, gid, sees_all=bool(sees_all))
    if ends_with_parent(int(signum)) and os.getppid() != int(parent):
        sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is intended
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
