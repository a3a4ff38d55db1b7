"""Keep a program running: `python -m deploy.local.supervisor PROGRAM …` starts it again when it ends, after a pause.

The pause doubles while it keeps ending. SIGTERM or SIGINT is passed on to the program, and the supervisor ends with it.
"""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from typing import Final

from app import product
from deploy.local import exec_child

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds."""
STABLE_SECONDS: Final = 60.0
"""A program that ran for this long did not end for the same reason as the previous one."""


class Supervisor:
    """A program, its pauses, and the received signal."""

    def __init__(self, argv: list[str]) -> None:
        self._command = exec_child.command(argv, dies_by=signal.SIGTERM, account=None, sees_all=False)
        self._bell, self._ear = socket.socketpair()
        self._signals = 0
        for end in (self._bell, self._ear):
            end.setblocking(False)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler makes the wait end
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._on_signal)

    def run(self) -> int:
        """Run the program until stopped, and return its last exit code."""
        pause, code = FIRST_PAUSE, 0
        while not self._signals:
            began = time.monotonic()
            code = self._once()
            if not self._signals:
                pause = FIRST_PAUSE if time.monotonic() - began > STABLE_SECONDS else pause
                sys.stderr.write(f"{product.SLUG}: the worker has ended ({code}) and is started again in {pause:g} s\n")
                sys.stderr.flush()
                self._wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
        return code

    def _once(self) -> int:
        process = subprocess.Popen(self._command, start_new_session=exec_child.KERNEL_SIGNALS_CHILD)  # noqa: S603 - ours
        passed_on = 0
        while (code := process.poll()) is None:
            if passed_on < self._signals:
                passed_on = self._signals
                process.send_signal(signal.SIGTERM)
            self._wait(None)
        return code

    def _on_signal(self, *_: object) -> None:
        self._signals += 1

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal, or for the timeout."""
        self._ear.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self._ear.recv(4096)


if __name__ == "__main__":
    sys.exit(Supervisor(sys.argv[1:]).run())
