"""Three nodes of PostgreSQL with one synchronous standby, under Patroni and etcd."""

import json
import os
import pwd
import secrets
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from app.config.postgresql_url import SESSION
from deploy.stack.program_paths import find
from tests.drill.cluster.network import Network, address, ip, signal_all
from tests.drill.history import Row
from tests.stack.deployment import ROOT

NODES: Final = ("n1", "n2", "n3")
DATABASE: Final = "candor"
PATRONI: Final = ROOT / ".local" / "cluster-venv" / "bin" / "patroni"
ETCD: Final = ",".join(f"{node}=http://{address(node)}:2380" for node in NODES)
TTL: Final = 15
"""Seconds without a sign of a leader until another node can become the leader."""
WHOLE_WITHIN: Final = 120.0
RETURNS_WITHIN: Final = 90.0
"""Seconds until a node that does not return is rebuilt."""
ACCOUNT: Final = "postgres"
ROLE_PARAMETERS: Final = {
    **{name: value.replace("\\", "") for name, value in SESSION.items()},
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "client_connection_check_interval": "250",
}
"""PgBouncer ignores the parameters that the service sends; see docs/operate/pgbouncer.md."""
DELAYED_BY_LOAD: Final = "2500"


class ClusterError(RuntimeError):
    """The cluster does not become whole; the message is one line."""


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL of the system. Raises: ClusterError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        raise ClusterError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


class Cluster:
    """The nodes; their names are those of their machines."""

    def __init__(self, network: Network, home: Path) -> None:
        self._network, self._home = network, home
        self._bin = binaries()
        user = pwd.getpwnam(ACCOUNT)
        self._account = (user.pw_uid, user.pw_gid)
        self._passwords = {name: secrets.token_hex(12) for name in ("candor", "postgres", "replicator", "rewinder")}
        self._etcd: dict[str, int] = {}
        self._frozen: set[int] = set()

    def start(self) -> None:
        """Start etcd and Patroni on each node, and make the service's database. Raises: ClusterError."""
        for node in NODES:
            self.start_etcd(node, state="new")
        for node in NODES:
            self.start_patroni(node)
            wait_for(lambda: bool(self.leader()), WHOLE_WITHIN, "no leader")
        self.wait_until_whole()
        self._make_database()

    def start_etcd(self, node: str, *, state: str = "existing") -> None:
        """Start the etcd of a node. Without fsync: its disk is shared with everything else here."""
        folder = self._folder("etcd", node)
        peer, client = f"http://{address(node)}:2380", f"http://{address(node)}:2379"
        self._etcd[node] = self._network.start(
            node, f"etcd-{node}",
            [
                find("etcd"), "--name", node, "--data-dir", folder, "--unsafe-no-fsync", "--logger", "zap",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", ETCD, "--initial-cluster-state", state,
                "--heartbeat-interval", "250", "--election-timeout", DELAYED_BY_LOAD,
            ],
            account=self._account,
        ).pid  # fmt: skip

    def start_patroni(self, node: str) -> None:
        """Start the Patroni of a node, which starts its PostgreSQL."""
        folder = self._folder("patroni", node)
        file = folder / "patroni.json"  # JSON is YAML
        file.write_text(json.dumps(self._settings(node, folder)), encoding="utf-8")
        os.chown(file, *self._account)
        environment = {"HOME": str(folder), "LC_ALL": "C.UTF-8"}
        self._network.start(node, f"patroni-{node}", [PATRONI, file], account=self._account, environment=environment)

    def _folder(self, program: str, node: str) -> Path:
        folder = self._home / f"{program}-{node}"
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(folder, *self._account)
        return folder

    def _settings(self, node: str, folder: Path) -> dict[str, Any]:
        hba = ["local all all trust", "host replication replicator 10.77.0.0/24 scram-sha-256"]
        hba += ["host all all 10.77.0.0/24 scram-sha-256"]
        users = {"replication": "replicator", "superuser": "postgres", "rewind": "rewinder"}
        return {
            "scope": "candor",
            "name": node,
            "restapi": {"listen": f"{address(node)}:8008", "connect_address": f"{address(node)}:8008"},
            "etcd3": {"hosts": [f"{address(each)}:2379" for each in NODES]},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": 3,
                    "retry_timeout": 5,
                    "maximum_lag_on_failover": 1 << 20,
                    "synchronous_mode": True,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "use_slots": True,
                        "parameters": {
                            "max_connections": 100,
                            "wal_sender_timeout": "20s",
                            "wal_log_hints": "on",
                            "max_wal_senders": 10,
                            "max_replication_slots": 10,
                            "shared_buffers": "64MB",
                        },
                    },
                },
                "initdb": [{"encoding": "UTF8"}, "data-checksums", {"locale": "C.UTF-8"}],
            },
            "postgresql": {
                "listen": f"{address(node)}:5432",
                "connect_address": f"{address(node)}:5432",
                "data_dir": str(folder / "data"),
                "bin_dir": str(self._bin),
                "pgpass": str(folder / "pgpass"),
                "pg_hba": hba,
                "authentication": {
                    purpose: {"username": user, "password": self._passwords[user]} for purpose, user in users.items()
                },
                "basebackup": [{"checkpoint": "fast"}],
                "parameters": {"unix_socket_directories": str(folder)},
            },
        }

    def _make_database(self) -> None:
        role, password = sql.Identifier(DATABASE), sql.Literal(self._passwords[DATABASE])
        self.run(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password), name="postgres")
        self.run(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role), name="postgres")
        for name, value in ROLE_PARAMETERS.items():
            setting = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
            self.run(setting.format(role, role, sql.Identifier(name), sql.Literal(value)))
        self.run(sql.SQL("CREATE TABLE oracle (number bigint PRIMARY KEY)"))
        self.run(sql.SQL("ALTER TABLE oracle OWNER TO {}").format(role))

    @property
    def password(self) -> str:
        """Return the password of the service's role."""
        return self._passwords[DATABASE]

    @property
    def account(self) -> tuple[int, int]:
        """Return the account that PostgreSQL and its companions run under."""
        return self._account

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the members in Patroni's view, by their names; nothing when no node responds."""
        for node in NODES:
            try:
                with urllib.request.urlopen(f"http://{address(node)}:8008/cluster", timeout=1) as answer:
                    return {member["name"]: member for member in json.load(answer)["members"]}
            except OSError:
                continue
        return {}

    def leader(self) -> str:
        """Return the node that accepts writes; an empty string if there is none."""
        for node in NODES:
            try:
                with urllib.request.urlopen(f"http://{address(node)}:8008/primary", timeout=1) as answer:
                    if answer.status == 200:
                        return node
            except OSError:
                continue
        return ""

    def standbys(self) -> list[str]:
        """Return the other nodes."""
        leader = self.leader()
        return [node for node in NODES if node != leader]

    def is_whole(self) -> bool:
        """Return True if all nodes run, and two of them stream, one of them synchronously."""
        roles = [member["role"] for member in self.state().values() if member["state"] in {"running", "streaming"}]
        return sorted(roles) == ["leader", "replica", "sync_standby"] and bool(self.leader())

    def wait_until_whole(self) -> None:
        """Wait for all three nodes; rebuild a node that does not come back by itself. Raises: ClusterError."""
        try:
            wait_for(self.is_whole, RETURNS_WITHIN, "the cluster is not whole")
        except ClusterError:
            for node in NODES:
                if self.state().get(node, {}).get("state") not in {"running", "streaming"}:
                    self.post(node, "/reinitialize", {"force": True})
            wait_for(self.is_whole, WHOLE_WITHIN, "the cluster is not whole after a node was rebuilt")

    def post(self, node: str, path: str, body: dict[str, Any], *, timeout: float = 60) -> None:
        """Send a command to the Patroni of a node. Raises: ClusterError: it was rejected."""
        url, data = f"http://{address(node)}:8008{path}", json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=timeout).close()
        except OSError as error:
            raise ClusterError(f"Patroni of {node} rejected {path}: {error}") from None

    def switch_over(self) -> None:
        """Let the synchronous standby become the leader. Raises: ClusterError."""
        roles = {member["role"]: name for name, member in self.state().items()}
        self.post(roles["leader"], "/switchover", {"leader": roles["leader"], "candidate": roles["sync_standby"]})

    def kill(self, node: str) -> None:
        """Kill PostgreSQL and Patroni of a node, but not its etcd."""
        self._network.kill(node, but={self._etcd[node]})

    def stop_etcd(self) -> None:
        """Kill etcd on all nodes."""
        for pid in self._etcd.values():
            signal_all({pid}, signal.SIGKILL)

    def freeze(self, *nodes: str, only_postgres: bool = False) -> None:
        """Suspend the processes of nodes, with Patroni and etcd unless only PostgreSQL is meant."""
        pids = set().union(*map(self._network.pids, nodes))
        self._frozen = {pid for pid in pids if not only_postgres or _program(pid) == "postgres"}
        signal_all(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the suspended processes."""
        signal_all(self._frozen, signal.SIGCONT)
        self._frozen = set()

    def restore(self) -> None:
        """Start the processes that a fault has ended. The cluster then becomes whole."""
        self.thaw()
        for node in NODES:
            ip("link", "set", "eth0", "up", inside=node)
            programs = {_program(pid) for pid in self._network.pids(node)}
            if "etcd" not in programs:
                self.start_etcd(node)
            if "patroni" not in programs:
                self.start_patroni(node)

    def connect(self, name: str = DATABASE) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a session of the superuser at the leader."""
        hosts = ",".join(map(address, NODES))
        return psycopg.connect(
            host=hosts, dbname=name, user="postgres", password=self._passwords["postgres"], connect_timeout=2,
            autocommit=True, target_session_attrs="read-write",
        )  # fmt: skip

    def run(self, statement: sql.Composed | sql.SQL, *values: object, name: str = DATABASE) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser at the leader, and return its rows."""
        with closing(self.connect(name)) as session:
            done = session.execute(statement, values or None)
            return done.fetchall() if done.description else []

    def rows(self, prefix: str) -> list[Row]:
        """Return the tasks whose titles have this prefix."""
        tasks = sql.SQL("SELECT id, title, description, version FROM tasks WHERE starts_with(title, %s)")
        found = self.run(tasks, prefix)
        return [Row(f"tasks/{id_}", title, description, version) for id_, title, description, version in found]


def _program(pid: int) -> str:
    """Return the name of a process's program; of a script, that of the script."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return "patroni" if any(word.endswith(b"/bin/patroni") for word in words) else name


def wait_for(condition: Callable[[], bool], within: float, fault: str) -> float:
    """Wait until a condition holds, and return the seconds. Raises: ClusterError."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within:
            raise ClusterError(f"{fault} within {within:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - began
