"""Starting with paths and settings that are valid, but less common than those of ``make run``."""

import json
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.conftest import ROOT, SERVES_WITHIN

HAS_IPV6: Final = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()
needs_ipv6: Final = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
PRODUCTION: Final = {
    "APP_ENV": "production",
    "PUBLIC_URL": "https://api.example.com",
    "DRAIN_SECONDS": "0",
    "WEB_CONCURRENCY": "1",
    "FAILURES_KEPT": "0",
}

NOBODY, GAMES = 65534, 60
"""A user and a group that every Debian has."""


@contextmanager
def started(
    settings: Settings, log: Path, environ: Mapping[str, str], *, launcher: tuple[str, ...] = (), umask: int = 0o022
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start gunicorn in production."""
    environment = os.environ | {
        **PRODUCTION,
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
        "PORT": str(free_port()),
        **environ,
    }
    command = [*launcher, sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream, umask=umask)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def lines(log: Path, logger: str) -> list[dict[str, Any]]:
    """Return the entries of a logger."""
    found = []
    for line in log.read_text().splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return [each for each in found if each.get("logger") == logger]


def answer(
    log: Path,
    process: "subprocess.Popen[bytes]",
    family: int,
    address: Any,
    within: float = SERVES_WITHIN,
    path: str = "/healthz",
) -> bytes:
    """Return the beginning of the response of a path, once a process listens."""
    until = time.monotonic() + within
    while time.monotonic() < until and process.poll() is None:
        with closing(socket.socket(family)) as connection, suppress(OSError):
            connection.settimeout(10)
            connection.connect(address)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            if begin := connection.recv(12):
                return begin
        time.sleep(0.1)
    pytest.fail(f"gunicorn does not serve: {log.read_text()}")


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", pytest.param("::", marks=pytest.mark.nightly)])
def test_an_ipv6_address_is_served(settings: Settings, tmp_path: Path, host: str) -> None:
    port, log = free_port(), tmp_path / "log"
    with started(settings, log, {"HOST": host, "PORT": str(port)}) as process:
        assert answer(log, process, socket.AF_INET6, ("::1", port)) == b"HTTP/1.1 200"


@pytest.mark.parametrize("umask", [0, 0o777])
def test_a_socket_is_for_owner_and_group_under_any_umask(settings: Settings, tmp_path: Path, umask: int) -> None:
    path, log = tmp_path / "s", tmp_path / "log"
    with started(settings, log, {"BIND": f"unix:{path}"}, umask=umask) as process:
        assert answer(log, process, socket.AF_UNIX, str(path)) == b"HTTP/1.1 200"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_one_log_entry_at_start_lists_protocols_and_settings(settings: Settings, tmp_path: Path) -> None:
    path, log = tmp_path / "s", tmp_path / "log"
    environ = {
        "BIND": f"unix:{path}",
        "REDIS_URL": "redis://someone:s3cret@127.0.0.1:1/2",
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "METRICS_PORT": str(free_port()),
        "METRICS_HOST": "127.0.0.1",
        "USERS_URL": "http://users.example",
        "RATE_LIMIT": "7 per second",
        "LOG_LEVEL": "INFO",
    }
    with started(settings, log, environ) as process:
        answer(log, process, socket.AF_UNIX, str(path))
    entries = lines(log, "candor.start")
    (entry,) = [each for each in entries if each["level"] == "INFO"]
    assert entry["message"].endswith(f"serves unix:{path}")
    assert entry["database"] == f"postgresql://{settings.database_url.rpartition('@')[2]}"
    assert entry["redis"] == "redis://127.0.0.1:1/2"
    assert entry["trusted_proxies"] == ["10.0.0.0/8"]
    assert entry["limits"]["rate_limit"] == "7 per second"
    assert {"GET /healthz", "POST /v1/tokens"} < set(entry["public_routes"])
    assert entry["metrics"] == f"http://127.0.0.1:{environ['METRICS_PORT']}/metrics"
    (warning,) = [each for each in entries if each["level"] == "WARNING"]
    assert warning["message"].startswith("USERS_URL is http://")
    logged = log.read_text()
    assert "s3cret" not in logged
    assert settings.jwt_secret not in logged
    password = settings.database_url.partition("://")[2].partition("@")[0].partition(":")[2]
    assert not password or password not in logged


READ_ONLY: Final = """
set -e
mount -t tmpfs -o size={memory},mode=1777 tmpfs /dev/shm
head -c {used} /dev/zero > /dev/shm/used
for place in / /tmp /var/tmp "$PWD"; do mount --bind "$place" "$place" && mount -o remount,bind,ro "$place"; done
cd "$PWD" && exec "$0" "$@"
"""
CAN_MOUNT: Final = (
    os.name == "posix"
    and os.geteuid() == 0
    and sys.platform == "linux"
    and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
)


@pytest.mark.skipif(not CAN_MOUNT, reason="needs root, to mount separate file systems")
class TestReadOnly:
    """The file systems of a hardened container: nothing is writable except a small /dev/shm."""

    @pytest.fixture
    def outside(self) -> Iterator[Path]:
        """Return a folder that is still writable."""
        with tempfile.TemporaryDirectory(dir="/run") as folder:
            yield Path(folder)

    def launcher(self, memory: str, used: int) -> tuple[str, ...]:
        """Return the command that starts a server."""
        return "unshare", "-m", "sh", "-c", READ_ONLY.format(memory=memory, used=used)

    @pytest.mark.parametrize(("memory", "has_metrics"), [("64m", True), ("1m", False)])
    def test_a_small_shared_memory_will_do(
        self, settings: Settings, outside: Path, memory: str, has_metrics: bool
    ) -> None:
        log, port, metrics = outside / "log", free_port(), free_port()
        environ = {"PORT": str(port), "METRICS_PORT": str(metrics), "TMPDIR": "/tmp"}
        with started(settings, log, environ, launcher=self.launcher(memory, 4096)) as process:
            assert answer(log, process, socket.AF_INET, ("127.0.0.1", port)) == b"HTTP/1.1 200"
            if has_metrics:
                begin = answer(log, process, socket.AF_INET, ("127.0.0.1", metrics), path="/metrics")
                assert re.fullmatch(rb"HTTP/1\.[01] 200", begin)
        logged = [each["message"] for each in lines(log, "candor.metrics")]
        assert [each.startswith("no metrics are served: neither") for each in logged] == [True] * (not has_metrics)


class TestOptimized:
    @pytest.mark.nightly
    def test_without_assertions_it_serves(self, settings: Settings, tmp_path: Path) -> None:
        path, log = tmp_path / "s", tmp_path / "log"
        environ = {"BIND": f"unix:{path}", "PYTHONOPTIMIZE": "1"}  # the first start compiles everything again
        with started(settings, log, environ) as process:
            assert answer(log, process, socket.AF_UNIX, str(path), within=4 * SERVES_WITHIN) == b"HTTP/1.1 200"

    @pytest.mark.parametrize(
        "command",
        [
            ["-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
            ["-m", "flask", "errors"],
            ["deploy/local/run.py"],
            ["wsgi.py"],
        ],
        ids=" ".join,
    )
    def test_without_docstrings_it_logs_the_reason_for_not_starting(
        self, settings: Settings, command: list[str]
    ) -> None:
        environ = os.environ | {**PRODUCTION, "DATABASE_URL": settings.database_url, "JWT_SECRET": settings.jwt_secret}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT, env=environ | {"PYTHONOPTIMIZE": "2"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        (line,) = [each for each in done.stderr.splitlines() if "PYTHONOPTIMIZE" in each]
        assert line.strip().endswith("set it to 1 or 0, or leave -OO out")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root starts others")
def test_a_folder_of_a_group_that_the_service_is_not_in_is_reported(settings: Settings, tmp_path: Path) -> None:
    """The socket in a folder with the setgid bit gets the folder's group, if the service is in that group."""
    folder, log = tmp_path / "run", tmp_path / "log"
    folder.mkdir()
    os.chown(folder, NOBODY, GAMES)
    folder.chmod(0o2770)
    caps = [f"--{kind}-caps=+dac_override" for kind in ("inh", "ambient")]
    launcher = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *caps)
    with started(settings, log, {"BIND": f"unix:{folder / 's'}"}, launcher=launcher) as process:
        assert answer(log, process, socket.AF_UNIX, str(folder / "s")).startswith(b"HTTP/1.1 200"), log.read_text()
    (entry,) = (each for each in lines(log, "candor.start") if "keeps the group" in each["message"])
    assert entry["level"] == "WARNING"
    assert (
        f"add the user {pwd.getpwuid(NOBODY).pw_name} to the group games, which {folder} belongs to" in entry["message"]
    )
    assert "Traceback" not in log.read_text()


@pytest.mark.skipif(find_spec("sentry_sdk") is not None, reason="requirements/sentry.lock is installed")
def test_a_setting_that_needs_a_missing_package_is_rejected_in_one_sentence(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started(settings, log, {"SENTRY_DSN": "https://key@sentry.example.com/1"}) as process:
        assert process.wait(SERVES_WITHIN) != 0
    assert log.read_text() == (
        "Candor does not start:\n  - SENTRY_DSN needs the packages of requirements/sentry.lock.\n"
    )
