"""The service on separate machines: two instances, nginx in front over TCP, and the ways to PostgreSQL."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from redis import Redis

from app.resilience.clock import SystemClock
from app.services.tokens import TokenService
from deploy.stack.program_paths import find
from deploy.stack.reverse_proxy import ReverseProxy
from tests.drill.cluster.network import SUBNET, Network, address, signal_all
from tests.drill.cluster.postgres import DATABASE, NODES, Cluster, ClusterError, wait_for
from tests.stack.deployment import ROOT

INSTANCES: Final = ("a1", "a2")
PORT: Final = 8000
WAYS: Final = ("hosts", "haproxy", "pgbouncer")
"""How the service reaches PostgreSQL: libpq's list of hosts, HAProxy, or PgBouncer behind HAProxy."""
NAMES: Final = {"hosts": "libpq host list", "haproxy": "HAProxy", "pgbouncer": "PgBouncer and HAProxy"}
REDIS: Final = (6379, 6380)
"""The ports of two servers, one of which is the replica of the other; HAProxy leads to the primary."""
LOGINS: Final = 100
READY_WITHIN: Final = 90.0
STOPS_WITHIN: Final = 30.0
MIGRATES_WITHIN: Final = 120.0
SECRET: Final = "a-secret-of-the-drill-32-bytes-long!"
LIMIT: Final = "1000000 per second"
GUNICORN: Final = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
HAPROXY: Final = """\
global
    maxconn 400
    stats socket {home}/haproxy.sock mode 600 level admin expose-fd listeners
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s
listen primary
    bind *:5000
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
{servers}
listen redis
    bind *:6300
    option tcp-check
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    timeout check 500ms
    default-server inter 500ms fall 2 rise 1
{redis}
"""
"""As in Patroni's documentation."""
PGBOUNCER: Final = """\
[databases]
{database} = host=127.0.0.1 port=5000 dbname={database}
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 6432
unix_socket_dir = {home}
auth_type = plain
auth_file = {home}/users.txt
admin_users = {database}
pool_mode = transaction
server_login_retry = 1
max_client_conn = 500
default_pool_size = 60
ignore_startup_parameters = options,extra_float_digits
"""


class Service:
    """Two instances behind nginx, which use one of the ways to PostgreSQL."""

    def __init__(self, network: Network, cluster: Cluster, home: Path) -> None:
        self._network, self._cluster, self._home = network, cluster, home
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._way = WAYS[0]
        self.tokens = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock())

    @property
    def place(self) -> tuple[str, int]:
        """Return the address of nginx."""
        return address("web"), PORT

    def bearer(self, owner: str) -> str:
        """Return a user's credentials."""
        return f"Bearer {self.tokens.issue(owner, scopes=['tasks'], lifetime=timedelta(hours=12))}"

    def url(self, way: str) -> str:
        """Return the database's URL for one of the ways."""
        user = f"postgresql://{DATABASE}:{self._cluster.password}@"
        if way == "hosts":
            hosts = ",".join(f"{address(node)}:5432" for node in NODES)
            return f"{user}{hosts}/{DATABASE}?target_session_attrs=read-write"
        return f"{user}{address('way')}:{5000 if way == 'haproxy' else 6432}/{DATABASE}"

    def environment(self, way: str) -> dict[str, str]:
        """Return the settings of the service."""
        return {
            "APP_ENV": "production",
            "DATABASE_URL": self.url(way),
            "DRAIN_SECONDS": "0.3",
            "JWT_SECRET": SECRET,
            "METRICS_PORT": "0",
            "PUBLIC_URL": f"http://{address('web')}:{PORT}",
            "RATE_LIMIT": LIMIT,
            "REDIS_URL": f"redis://{address('way')}:6300/0",
            "TOKEN_RATE_LIMIT": f"{LOGINS} per minute",
            "TRUSTED_PROXIES": f"{SUBNET}.0/24",
            "WEB_CONCURRENCY": "2",
        }

    def start(self) -> None:
        """Start the ways, migrate the database, and start nginx. Raises: ClusterError, NginxError, SubprocessError."""
        self._start_redis()
        self.start_haproxy()
        self.start_pgbouncer()
        if self.upgrade().wait(MIGRATES_WITHIN):
            raise ClusterError("flask db upgrade has failed")
        self._start_nginx()

    def upgrade(self, *words: str | Path, command: str = "upgrade") -> "subprocess.Popen[bytes]":
        """Start ``flask db upgrade``, or ``downgrade``, with further words."""
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "db", command, *words],
            cwd=ROOT,
            env={**os.environ, **self.environment("hosts")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _start_redis(self) -> None:
        """Start two servers, the second one as the replica of the first."""
        for port in REDIS:
            argv: list[str | Path] = [find("redis-server"), "--port", str(port), "--save", "", "--appendonly", "no"]
            argv += ["--bind", "0.0.0.0", "--protected-mode", "no", "--dir", self._folder(f"redis-{port}")]
            argv += ["--replicaof", "127.0.0.1", str(REDIS[0])] if port != REDIS[0] else []
            self._network.start("way", f"redis-{port}", argv)

    def change_roles_of_redis(self) -> None:
        """Let the replica become the primary, and the primary its replica."""
        ports = {self._redis(port).info("replication")["role"]: port for port in REDIS}
        self._redis(ports["slave"]).replicaof("NO", "ONE")
        self._redis(ports["master"]).replicaof("127.0.0.1", str(ports["slave"]))

    def _redis(self, port: int) -> Redis:
        return Redis(address("way"), port, socket_timeout=5)

    def start_haproxy(self) -> None:
        """Start HAProxy."""
        home = self._folder("haproxy")
        servers = "\n".join(f"    server {node} {address(node)}:5432 maxconn 200 check port 8008" for node in NODES)
        redis = "\n".join(f"    server redis-{port} 127.0.0.1:{port} check" for port in REDIS)
        (home / "haproxy.cfg").write_text(HAPROXY.format(home=home, servers=servers, redis=redis), encoding="utf-8")
        argv: list[str | Path] = [find("haproxy"), "-W", "-db", "-f", home / "haproxy.cfg"]
        self._started["haproxy"] = self._network.start("way", "haproxy", argv)

    def start_pgbouncer(self) -> None:
        """Start PgBouncer."""
        home = self._folder("pgbouncer")
        (home / "users.txt").write_text(f'"{DATABASE}" "{self._cluster.password}"\n', encoding="utf-8")
        (home / "pgbouncer.ini").write_text(PGBOUNCER.format(home=home, database=DATABASE), encoding="utf-8")
        for path in (home, *home.iterdir()):
            os.chown(path, *self._cluster.account)
        argv: list[str | Path] = [find("pgbouncer"), home / "pgbouncer.ini"]
        self._started["pgbouncer"] = self._network.start("way", "pgbouncer", argv, account=self._cluster.account)

    def _start_nginx(self) -> None:
        """Start nginx with the files of ``deploy/nginx``, whose instances have addresses instead of sockets."""
        home = self._folder("nginx")
        proxy = ReverseProxy(
            home=home, log=home / "nginx.log", certificate=home / "tls.crt", key=home / "tls.key",
            port=8443, plain_port=PORT, instances=(f"{address('a1')}:{PORT}", f"{address('a2')}:{PORT}"),
        )  # fmt: skip
        environment = {**os.environ, **self.environment("hosts")}
        problems = subprocess.run(
            [sys.executable, "-m", "flask", "edge", "nginx"], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        proxy._certify()
        proxy._configure(problems.stdout.decode())
        for path in (home / "candor.conf", home / "nginx.conf", home / "candor" / "listen.conf"):
            text = path.read_text(encoding="utf-8").replace("listen 127.0.0.1:", "listen ")
            text = text.replace("server_name localhost", f"server_name localhost {address('web')}")
            path.write_text(text, encoding="utf-8")
        argv: list[str | Path] = [find("nginx"), "-e", "stderr", "-p", home, "-c", home / "nginx.conf"]
        self._started["nginx"] = self._network.start("web", "nginx", argv)

    def _folder(self, program: str) -> Path:
        folder = self._home / program
        folder.mkdir(exist_ok=True)
        return folder

    def serve(self, way: str, extra: Mapping[str, str] | None = None) -> None:
        """Start both instances, or start them again with another way, and wait until they are ready."""
        self._way = way
        for machine in INSTANCES:
            self.stop_instance(machine)
        for machine in INSTANCES:
            self._start_instance(machine, extra or {})
        wait_for(self.is_ready, READY_WITHIN, f"the service is not ready by way of {way}")

    def _start_instance(self, machine: str, extra: Mapping[str, str]) -> None:
        environment = {**self.environment(self._way), "HOST": address(machine), "PORT": str(PORT), **extra}
        self._started[machine] = self._network.start(machine, machine, GUNICORN, environment=environment)

    def stop_instance(self, machine: str) -> None:
        """Stop an instance as systemd does."""
        if process := self._started.pop(machine, None):
            process.terminate()
            try:
                process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._network.kill(machine)

    def is_ready(self) -> bool:
        """Return True if both instances report that they are ready."""
        return all(readiness(machine) == 200 for machine in INSTANCES)

    def shares_limits(self) -> bool:
        """Return True if both instances report that they count limits in Redis."""
        return all(checks(machine).get("cache") == "ok" for machine in INSTANCES)

    def logins_passed(self, times: int) -> int:
        """Send logins in a wrong format, and return how many the limit let pass."""
        statuses = Counter[int]()
        for _ in range(times):
            try:
                urlopen(Request(f"http://{address('web')}:{PORT}/v1/tokens", b"x", method="POST"), timeout=10).close()
            except HTTPError as error:
                statuses[error.code] += 1
        return statuses[415]

    def reload_haproxy(self) -> None:
        """Let HAProxy read its configuration again, as ``systemctl reload haproxy`` does."""
        signal_all({self._started["haproxy"].pid}, signal.SIGUSR2)

    def restart_pgbouncer(self) -> None:
        """Kill PgBouncer and start another one."""
        self._started["pgbouncer"].kill()
        self._started["pgbouncer"].wait()
        self.start_pgbouncer()


def readiness(machine: str) -> int:
    """Return the status of an instance's ``/readyz``, or 0."""
    try:
        with urlopen(f"http://{address(machine)}:{PORT}/readyz", timeout=3) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def checks(machine: str) -> dict[str, str]:
    """Return the checks of an instance's ``/readyz`` that is ready; otherwise none."""
    try:
        with urlopen(f"http://{address(machine)}:{PORT}/readyz", timeout=3) as answer:
            found: dict[str, str] = json.load(answer)["checks"]
            return found
    except OSError:
        return {}


def logs(folder: Path) -> str:
    """Return the last lines of each log, for a run that fails."""
    found = []
    for path in sorted(folder.glob("*.log")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        found += [f"{path.name}:", *(f"  {line[:200]}" for line in lines)]
    return "\n".join(found)


def keep(source: Path, target: Path) -> None:
    """Copy the logs of a run to a folder that stays."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
