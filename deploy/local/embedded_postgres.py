"""An embedded PostgreSQL server in a directory, on 127.0.0.1 with a password, that ends with its starter.

`running(directory)` is for tests, `start(directory)` for a launcher that goes on to execute another program in its own
process. The directory holds `data`, `password`, `port`, `log` and `lock`; the holder of the lock owns the server, and
the kernel releases it with the process. Call from the main thread: the server ends with the *thread* that started it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from deploy.local import exec_child, postgres_cluster, private_files
from deploy.local.free_ports import free_port
from deploy.local.postgres_cluster import DATABASE, PostgresError

__all__ = ["AlreadyRunningError", "PostgresError", "Server", "query", "running", "start"]

READY_WITHIN: Final = timedelta(seconds=60)  # crash recovery included
GONE_WITHIN: Final = timedelta(seconds=15)
ATTEMPTS: Final = 3
PASSING: Final = ("could not bind", "postmaster.pid")  # the port was taken meanwhile; the predecessor is still a zombie
RETRY_AFTER: Final = 0.1  # seconds
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": DATABASE,
}


class AlreadyRunningError(PostgresError):
    """Another process holds this directory's server."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"already running in this checkout, as process {pid or 'unknown'}")
        self.pid = pid


@dataclass(frozen=True)
class Server:
    """A server that answers. It ends when `stop` is called, or with the thread that started it."""

    url: str
    process: subprocess.Popen[bytes]
    lock: int = field(repr=False)
    watcher: subprocess.Popen[bytes] | None = field(repr=False)

    def stop(self) -> None:
        """End every session, write the data to disk, and wait until it has ended; kill it when it does not end."""
        if self.watcher is not None:
            self.watcher.kill()
            self.watcher.communicate()
        _end(self.process)
        os.close(self.lock)

    def outlive_exec(self) -> None:
        """Make the program that this process will execute the owner of the server: of its lock and its watcher."""
        os.set_inheritable(self.lock, True)
        if self.watcher is not None and self.watcher.stdin is not None:
            os.set_inheritable(self.watcher.stdin.fileno(), True)


@contextlib.contextmanager
def running(directory: Path, *, settings: Mapping[str, str] | None = None, disposable: bool = False) -> Iterator[str]:
    """Yield the URL of a server on `directory`, and stop the server at the end. Otherwise as `start`."""
    server = start(directory, settings=settings, disposable=disposable)
    try:
        yield server.url
    finally:
        server.stop()


def start(
    directory: Path,
    *,
    settings: Mapping[str, str] | None = None,
    disposable: bool = False,
    on_lock: Callable[[], None] = lambda: None,
) -> Server:
    """Start a server on `directory`, which is created when missing, and return once it answers.

    `settings` are added before `SETTINGS`. A `disposable` cluster is created without waiting for the disk, and
    recreated when it does not start. `on_lock` is called once this process holds the lock.
    Raises: AlreadyRunningError, PostgresError.
    """
    directory, settings = directory.absolute(), {**SETTINGS, **(settings or {})}
    private_files.make_directory(directory)
    lock = _lock(directory)
    try:
        on_lock()
        _wait(lambda: not _predecessor(directory), GONE_WITHIN, "the previous server of this directory does not end")
        try:
            return _start(directory, settings, lock, disposable=disposable)
        except PostgresError:
            if not disposable:
                raise
            shutil.rmtree(directory / "data", ignore_errors=True)
            return _start(directory, settings, lock, disposable=disposable)
    except BaseException:
        os.close(lock)
        raise


def query(url: str, sql: str) -> str:
    """Return the output of `psql` for one statement: unaligned, without headers. Raises: PostgresError."""
    password = url.partition("//")[2].partition("@")[0].partition(":")[2]
    plain = url.replace("+psycopg", "", 1).replace(f":{password}@", "@", 1)  # all users can read arguments
    done = subprocess.run(  # noqa: S603 - a fixed program
        [postgres_cluster.binaries() / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, plain],
        env={**postgres_cluster.environment(), "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PostgresError(f"psql: {postgres_cluster.last_lines(done.stderr)}")
    return done.stdout.strip()


def _start(directory: Path, settings: Mapping[str, str], lock: int, *, disposable: bool) -> Server:
    data = directory / "data"
    if not data.exists():
        postgres_cluster.make(directory, synced=not disposable)
    elif os.geteuid() not in {0, data.stat().st_uid}:
        raise PostgresError(f"{data} belongs to another user: only that user or root can start it")
    port, process = _serve(directory, settings)
    try:
        private_files.write_private(directory / "port", str(port))
        password = (directory / "password").read_text()
        url = f"postgresql+psycopg://{DATABASE}:{password}@127.0.0.1:{port}/{DATABASE}"
        return Server(url, process, lock, _watcher(process))
    except BaseException:
        _end(process)
        raise


def _serve(directory: Path, settings: Mapping[str, str]) -> tuple[int, subprocess.Popen[bytes]]:
    output = ""
    for _ in range(ATTEMPTS):
        port = _free_port(directory)
        if process := _attempt(directory, {**settings, "port": str(port)}):
            return port, process
        output = (directory / "log").read_text(errors="replace")
        if not any(passing in output for passing in PASSING):
            break
        time.sleep(RETRY_AFTER)
    raise PostgresError(f"PostgreSQL does not start: {postgres_cluster.last_lines(output)}")


def _attempt(directory: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Return the server once it answers, or nothing when it has ended instead."""
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    argv = ["postgres", "-D", str(directory / "data"), *options]
    log = private_files.open_private(directory / "log", os.O_WRONLY | os.O_TRUNC)
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed program
            postgres_cluster.program(directory, argv, dies_by=signal.SIGINT),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, env=postgres_cluster.environment(),
            start_new_session=True,  # Ctrl-C is for the service, which still needs its database to finish
        )  # fmt: skip
    finally:
        os.close(log)
    try:
        _wait(lambda: process.poll() is not None or _ready(directory, process.pid), READY_WITHIN, "no answer")
    except BaseException:
        _end(process)
        raise
    return process if process.returncode is None else None


def _ready(directory: Path, pid: int) -> bool:
    lines = _pid_file(directory)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready"  # its layout: miscadmin.h of PostgreSQL


def _predecessor(directory: Path) -> bool:
    """Return True if a server still runs on this directory without a holder of its lock: it is shutting down."""
    pid = next(iter(_pid_file(directory)), "")
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
        done = subprocess.run(["ps", "-ww", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False)  # noqa: S603, S607
        return str(directory / "data") in done.stdout
    return str(directory / "data") in words


def _pid_file(directory: Path) -> list[str]:
    try:
        return [line.strip() for line in (directory / "data" / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _lock(directory: Path) -> int:
    """Take the lock. Not flock(2): this kind survives exec, is not passed on by fork, and goes with the process."""
    handle = private_files.open_private(directory / "lock", os.O_RDWR)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        pid = os.pread(handle, 32, 0).decode()
        os.close(handle)
        raise AlreadyRunningError(pid) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _free_port(directory: Path) -> int:
    """Return the previous port when it is free, for saved connections, otherwise any free one."""
    saved = directory / "port"
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = int(saved.read_text())
        probe.bind(("127.0.0.1", port))
        return port
    return free_port()


def _watcher(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes] | None:
    """Start a shell that reads until this process ends, where the kernel cannot signal that to a child."""
    if exec_child.KERNEL_SIGNALS_CHILD:
        return None
    script = 'read _; kill -INT "$0"'
    return subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", script, str(process.pid)], stdin=subprocess.PIPE, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for signum, timeout in ((signal.SIGINT, GONE_WITHIN), (signal.SIGQUIT, timedelta(seconds=5))):
        process.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout.total_seconds())
            return
    process.kill()
    process.wait()


def _wait(condition: Callable[[], bool], within: timedelta, otherwise: str) -> None:
    deadline = time.monotonic() + within.total_seconds()
    while not condition():
        if time.monotonic() > deadline:
            raise PostgresError(f"{otherwise} within {within.total_seconds():.0f} seconds")
        time.sleep(0.01)
