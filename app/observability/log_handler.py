"""A log handler that writes to a file descriptor: each entry whole or not at all, and without blocking.

A blocked reader or a full disk costs log entries and nothing else; their number is logged as soon as writes succeed.
Lines are short enough for atomic writes to a pipe (``PIPE_BUF``); processes never interleave theirs.
"""

import errno
import logging
import mmap
import os
import select
import socket
import stat
import weakref
from collections.abc import Callable
from functools import partial
from typing import Final

from app import product
from app.observability import metrics

Write = Callable[[bytes], int]

_torn: Final = mmap.mmap(-1, 1)
"""True if the last line is incomplete. All workers share this memory because they write to the same descriptor."""


class NonBlockingHandler(logging.Handler):
    """Writes records to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor: Final = descriptor
        self._write = _opened(descriptor)
        self._unreported = self.dropped = 0
        """Entries dropped since the last report, and in total, in this process."""
        forget = weakref.WeakMethod(self._forget)
        os.register_at_fork(after_in_child=lambda: (alive := forget()) and alive())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one entry, after a report of the dropped ones."""
        try:
            line = self.format(record)
        except Exception as exc:  # the ``__str__`` of an argument can raise anything
            line = self.format(_record(record.name, "a log entry could not be formatted: %s", type(exc).__qualname__))
        self._put(line.encode("utf-8", "backslashreplace"))

    def put(self, line: bytes) -> None:
        """Write a line that was not made from a record."""
        with self.lock:  # type: ignore[union-attr]  # every handler has one
            self._put(line)

    def _put(self, line: bytes) -> None:
        if self._unreported:
            lost = _record(
                f"{product.SLUG}.logs", "%d log entries were dropped while the output was blocked", self._unreported
            )
            if self._is_written(self.format(lost).encode("utf-8", "backslashreplace")):
                self._unreported = 0
        if self._unreported or not self._is_written(line):
            self._unreported += 1
            self.dropped += 1
            metrics.LOG_ENTRIES_DROPPED.inc()

    def _is_written(self, line: bytes) -> bool:
        data = line + b"\n"
        try:
            sent = self._write(b"\n" + data if _torn[0] else data)
        except OSError:
            return False
        _torn[0] = sent < len(data)
        return sent >= len(data)

    def _forget(self) -> None:
        """Reset the count in a forked child; the parent reports its own."""
        self._unreported = self.dropped = 0


def _record(logger: str, message: str, value: object) -> logging.LogRecord:
    return logging.LogRecord(logger, logging.WARNING, __file__, 0, message, (value,), None)


def _opened(descriptor: int) -> Write:
    """Return a function that writes to the descriptor without blocking."""
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(mode):
            return partial(_send, socket.socket(fileno=os.dup(descriptor)))
        if stat.S_ISFIFO(mode) or os.isatty(descriptor):
            return _without_waiting(descriptor)
    except OSError:
        pass  # it is closed, and every write will fail
    return partial(os.write, descriptor)


def _send(connection: socket.socket, data: bytes) -> int:
    return connection.send(data, socket.MSG_DONTWAIT)


def _without_waiting(descriptor: int) -> Write:
    """Return a function that writes to a pipe or terminal without blocking.

    O_NONBLOCK belongs to the open file description, which other processes share. The function therefore opens it
    again, or polls before each write.
    """
    try:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return partial(os.write, os.open(f"/proc/self/fd/{descriptor}", flags))
    except OSError:
        return partial(_look_and_write, descriptor)


def _look_and_write(descriptor: int, data: bytes) -> int:
    """Write if the descriptor is ready; a pipe is ready if a whole line fits."""
    looking = select.poll()
    looking.register(descriptor, select.POLLOUT)
    if not looking.poll(0):
        raise BlockingIOError(errno.EAGAIN, "nobody reads")
    return os.write(descriptor, data)
