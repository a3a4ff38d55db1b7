"""An installation on which a test follows the pages of ``docs/operate``: real processes, in folders of the test.

The commands of a page run in one bash. Paths of a Debian server stand for folders of the test; ``systemctl`` starts and
stops real instances, workers and PostgreSQL; ``as-candor`` and ``su postgres`` run their commands as on a server.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local import embedded_postgres, postgres_cluster
from deploy.local.free_ports import free_port
from tests.docs.pages import ROOT
from tests.stack.deployment import fetch
from tests.stack.operator_steps import Step

STARTS_WITHIN: Final = 60.0
STEP_WITHIN: Final = 120.0
FAST: Final = {"fsync": "off", "full_page_writes": "off"}
UNITS: Final = ("candor@1", "candor@2", "candor-worker")
TARGET: Final = {"candor.target": UNITS}
POSTGRESQL: Final = "postgresql@15-main"
LEFT_OUT: Final[Mapping[str, str]] = {
    r"make \.venv/run\.lock": "it installs packages; tests/stack runs from an environment that is complete",
    r"\.venv/bin/python -m pip install ": "the same",
    r"nginx -t$": "tests/stack/test_nginx.py has nginx check these files",
    r"systemctl (daemon-reload|reload (nginx|prometheus))$": "there is no systemd, nginx or Prometheus to reload",
    r"systemctl restart candor-rpc$": "tests/stack/test_rpc.py starts and stops gRPC",
}
"""Commands that a test does not run, and why."""
_SYSTEMCTL: Final = re.compile(r"systemctl (start|stop|restart) (.+)")
_DONE: Final = re.compile(r"__done ([0-9]+)\n")
FUNCTIONS: Final = """
set -o pipefail
as_candor() { ( set -a; . "$CANDOR_ENV"; set +a; cd "$CODE" && program=$1 && shift && exec "$VENV/$program" "$@" ); }
su() { [ "$1 $2" = "postgres -c" ] && (cd / && $AS_POSTGRES bash -c "$3"); }
journalctl() { cat "$HOME"/*.log; }
"""


@dataclass
class Installation:
    """Two instances, a worker and PostgreSQL below one folder."""

    home: Path
    code: Path
    server: embedded_postgres.Server
    is_complete: bool = False
    """Without it, there is no worker and no metrics; tests/stack/test_worker.py and test_metrics.py test those."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    """Texts of the page and their replacements, in addition to the paths."""

    def __post_init__(self) -> None:
        for name in ("run", "units", "nginx", "sites", "backups"):
            (self.home / name).mkdir(exist_ok=True)
        self.metrics = {unit: free_port() for unit in UNITS}
        self.write_settings()
        for name in ("candor.conf", "default-server.conf"):
            shutil.copy(ROOT / "deploy" / "nginx" / name, self.home / "sites" / name.removesuffix(".conf"))
        self.bash = subprocess.Popen(
            ["bash", "--norc"], cwd=self.code, env=self._environ(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._execute(FUNCTIONS)

    def write_settings(self) -> None:
        """Write the settings of a new installation, with a new key."""
        self.environment_file.write_text(
            "APP_ENV=production\nPUBLIC_URL=https://api.example.com\n"
            f"DATABASE_URL={self.database_url}\nJWT_SECRET={secrets.token_hex(32)}\n"
            "DRAIN_SECONDS=0\nWEB_CONCURRENCY=1\nRPC_PORT=0\nRPC_METRICS_PORT=0\nLOG_CLIENT=false\n"
        )

    @property
    def environment_file(self) -> Path:
        """Return the file with the settings."""
        return self.home / "candor.env"

    @property
    def database_url(self) -> str:
        """Return the URL of the service's database."""
        return self.server.url.replace("+psycopg", "")

    def socket(self, number: int) -> Path:
        """Return the socket of an instance."""
        return self.home / "run" / f"{number}.sock"

    def sql(self, statement: str) -> str:
        """Return what PostgreSQL answers to a statement of the service's role."""
        return embedded_postgres.query(self.server.url, statement)

    def flask(self, *words: str) -> str:
        """Run a command of the service, as ``as-candor`` does, and return its output."""
        done = subprocess.run(
            [str(_VENV / "flask"), *words], cwd=self.code, env=os.environ | self.settings(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def settings(self) -> dict[str, str]:
        """Return the settings of the file, as systemd reads them."""
        lines = (line.partition("=") for line in self.environment_file.read_text().splitlines() if "=" in line)
        return {name: value.strip('"') for name, _, value in lines}

    def follow(self, steps: Sequence[Step]) -> str:
        """Run steps in order, as the page has them; return their output."""
        return "".join(map(self.run, steps))

    def run(self, step: Step) -> str:
        """Run one step, which must succeed and print the output of the page."""
        if any(re.match(pattern, step.command) for pattern in LEFT_OUT):
            return ""
        if found := _SYSTEMCTL.fullmatch(step.command):
            for unit in (each for name in found[2].split() for each in TARGET.get(name, (name,))):
                self._systemctl(found[1], unit)
            return ""
        status, printed = self._execute(self._here(step.command))
        is_difference = step.command.startswith("diff ") and status == 1
        assert status == 0 or is_difference, f"{step.command}\n{status}: {printed}"
        local = Step(step.command, tuple(map(self._here, step.expected)))
        assert not local.missing_from(printed), f"{step.command}\nexpected {step.expected}\nprinted {printed}"
        return printed

    def start(self) -> None:
        """Migrate the database and start everything."""
        self.flask("db", "upgrade")
        for unit in UNITS:
            self._systemctl("restart", unit)

    def stop(self) -> None:
        """Stop everything except PostgreSQL."""
        for unit in UNITS:
            self._systemctl("stop", unit)

    def close(self) -> None:
        """Stop everything."""
        self.bash.kill()
        self.bash.communicate()
        self.stop()
        self.server.stop()

    def _here(self, command: str) -> str:
        for text, local in (*self.replaced, *self._paths().items()):
            command = command.replace(text, local)
        return command

    def _paths(self) -> dict[str, str]:
        return {
            "deploy/systemd/as-candor": "as_candor",
            "/etc/candor/candor.env": str(self.environment_file),
            "/etc/systemd/system": str(self.home / "units"),
            "/etc/nginx/sites-available": str(self.home / "sites"),
            "/etc/nginx/candor": str(self.home / "nginx"),
            "/run/candor": str(self.home / "run"),
            "/var/backups/candor": str(self.home / "backups"),
            "/var/lib/postgresql/15/main": str(self.home / "postgres" / "data"),
            "/var/lib/postgresql/15/damaged": str(self.home / "postgres" / "damaged"),
            "-o postgres": f"-o {_owner(self.home / 'postgres')}",
            "http://127.0.0.1:9091/": f"http://127.0.0.1:{self.metrics['candor@1']}/",
        }

    def _environ(self) -> dict[str, str]:
        url = urllib.parse.urlsplit(self.server.url)
        path = os.pathsep.join((str(postgres_cluster.binaries()), os.environ["PATH"], "/usr/sbin"))
        access = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(url.port),
            "PGUSER": "postgres",
            "PGPASSWORD": url.password or "",
        }
        as_postgres = ""
        if os.geteuid() == 0:
            account = pwd.getpwnam(_owner(self.home / "postgres"))
            capability = "--inh-caps=+dac_override --ambient-caps=+dac_override"
            as_postgres = f"setpriv --reuid={account.pw_uid} --regid={account.pw_gid} --clear-groups {capability}"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return plain | access | {
            "PATH": path, "HOME": str(self.home), "CANDOR_ENV": str(self.environment_file), "CODE": str(self.code),
            "VENV": str(_VENV), "AS_POSTGRES": as_postgres,
        }  # fmt: skip

    def _execute(self, command: str) -> tuple[int, str]:
        """Run a command in the one bash; return its status and its output."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(f"{command}\necho __done $?\n")
        self.bash.stdin.flush()
        printed, until = "", time.monotonic() + STEP_WITHIN
        while time.monotonic() < until and (line := self.bash.stdout.readline()):
            if found := _DONE.search(line):
                return int(found[1]), printed + line[: found.start()]
            printed += line
        raise AssertionError(f"{command} does not end: {printed}")

    def _systemctl(self, action: str, unit: str) -> None:
        if unit.endswith(".socket") or (unit == "candor-worker" and not self.is_complete):
            return  # the instances make their sockets themselves
        if unit == POSTGRESQL:
            self._postgresql(action)
            return
        assert unit in UNITS, f"unknown unit {unit}"
        if action != "start" and (process := self.running.pop(unit, None)):
            process.terminate()
            assert process.wait(STARTS_WITHIN) in {0, -signal.SIGTERM}
        if action != "stop":
            self._begin(unit)

    def _postgresql(self, action: str) -> None:
        if action != "start":
            self.server.stop()
        if action != "stop":
            self.server = embedded_postgres.start(self.home / "postgres", settings=FAST)

    def _begin(self, unit: str) -> None:
        name, _, number = unit.partition("@")
        environ = {**os.environ, **self.settings(), "METRICS_PORT": "0", "WORKER_METRICS_PORT": str(self.metrics[unit])}
        command = [str(_VENV / "flask"), "worker"]
        if number:
            environ["BIND"] = f"unix:{self.socket(int(number))}"
            environ["METRICS_PORT"] = str(self.metrics[unit] if self.is_complete else 0)
            command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        with (self.home / f"{name}{number}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=self.code, env=environ, stdout=log, stderr=log)
        self.running[unit] = process
        if number:
            self._wait(process, int(number), log.name)

    def _wait(self, process: "subprocess.Popen[bytes]", number: int, log: str) -> None:
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until and process.poll() is None:
            if fetch(self.socket(number), "/healthz").startswith(b"HTTP/1.1 200"):
                return
            time.sleep(0.05)
        raise AssertionError(f"instance {number} does not serve: {Path(log).read_text()[-3000:]}")


_VENV: Final = Path(sys.executable).parent


def _owner(folder: Path) -> str:
    """Return the name of the account that PostgreSQL runs as."""
    account = postgres_cluster.account(folder)
    return pwd.getpwuid(account[0] if account else os.geteuid()).pw_name


@contextmanager
def installed(code: Path, *, settings: Mapping[str, str] = FAST, is_complete: bool = False) -> Iterator[Installation]:
    """Yield an installation that runs the code in a folder, on an empty database of a separate PostgreSQL server."""
    home = Path(tempfile.mkdtemp(prefix="candor-"))  # short enough for a socket
    home.chmod(0o755)
    try:
        server = embedded_postgres.start(home / "postgres", settings=settings, disposable=True)
        installation = Installation(home, code, server, is_complete)
        try:
            yield installation
        finally:
            installation.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
