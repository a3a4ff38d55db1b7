"""A candidate's server, from start to stop."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import load, processes
from bench.database import HOME, ROOT
from deploy.local import exec_child

READY_WITHIN: Final = 60.0
HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Server:
    """The address and the process of a server."""

    port: int
    pid: int
    seconds: float
    """The seconds from its start until its first response."""


@contextmanager
def serving(
    name: str,
    command: list[str],
    environment: Mapping[str, str],
    port: int,
    *,
    cores: list[int],
    ready: bytes = HEALTH,
    dial: load.Dial = load.Caller,
    workers: int = 1,
) -> Iterator[Server]:
    """Start a server on these cores, and yield it once it answers with 200. Raises: load.NoAnswer."""
    log = HOME / f"{name}.log"
    argv = [word.format(port=port, workers=workers) for word in command]
    began = time.monotonic()
    with log.open("wb") as stream, processes.running_on(cores):
        process = subprocess.Popen(  # noqa: S603 -- candor
            exec_child.command(argv, dies_by=signal.SIGTERM, account=None, sees_all=False),
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        _wait(process, lambda: load.one(port, ready, dial), log)
        yield Server(port, process.pid, time.monotonic() - began)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", send: Callable[[], tuple[int, bytes, bytes]], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if send()[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.01)
    lines = log.read_text(errors="replace").strip().splitlines()[-20:]
    raise load.NoAnswer("\n".join([f"{log.stem} does not start:", *lines]))


def empty_home() -> None:
    """Create the folder of the benchmark's files, and remove earlier logs."""
    HOME.mkdir(parents=True, exist_ok=True)
    for log in HOME.glob("*.log"):
        log.unlink()
    os.environ.pop("MAKEFLAGS", None)
