"""A primary and its standby on loopback, and a load balancer that leads to one of them."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine, make_url, text

from deploy.local import embedded_postgres, postgres_cluster
from tests.databases import Databases

FAST: Final = {"fsync": "off", "max_connections": "60", "shared_buffers": "16MB", "max_wal_senders": "4"}


@dataclass
class Node:
    """A server with its own folder."""

    folder: Path
    server: embedded_postgres.Server

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port."""
        url = make_url(self.server.url)
        return url.host or "", url.port or 0

    def cpu_seconds(self, database: str) -> float:
        """Return the CPU time of the server's processes for open connections to a database, from Linux's scheduler."""
        first = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        spent = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if parent == first and f" {database} " in (process / "cmdline").read_text():
                    spent += int((process / "schedstat").read_text().split()[0])
        return spent / 1e9

    def run(self, statement: str, *, database: str | None = "postgres") -> None:
        """Run a statement as the superuser."""
        url = make_url(self.server.url).set(username="postgres", database=database)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@dataclass
class Pair:
    """A primary, and its standby by streaming replication."""

    primary: Node
    standby: Node

    def migrated_url(self) -> str:
        """Return the URL of a new database on the primary, at the newest migration."""
        own = Databases(self.primary.server.url, "pair")
        url = own.make("main", template=own.make_template())
        own.disconnect()
        return url

    def switch_over(self) -> None:
        """Demote the primary and promote the standby: the old primary restarts as the standby of the new one."""
        old, new = self.primary, self.standby
        old.server.stop()
        new.run("SELECT pg_promote()")
        (old.folder / "data" / "standby.signal").touch()
        password = (new.folder / "password").read_text()
        host, port = new.address
        with (old.folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"\nprimary_conninfo = 'host={host} port={port} user=postgres password={password}'\n"
                "recovery_target_timeline = 'latest'\n"
            )
        old.server = embedded_postgres.start(old.folder, settings=FAST)
        self.primary, self.standby = new, old

    def close(self) -> None:
        """Stop both."""
        for node in (self.standby, self.primary):
            with suppress(ProcessLookupError):
                node.server.stop()


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    """Yield a primary with the database of the service, and its standby."""
    primary = Node(folder / "a", embedded_postgres.start(folder / "a", settings=FAST, disposable=True))
    try:
        nodes = Pair(primary, Node(folder / "b", _copied(primary, folder / "b")))
    except BaseException:
        primary.server.stop()
        raise
    try:
        yield nodes
    finally:
        nodes.close()


def _copied(primary: Node, folder: Path) -> embedded_postgres.Server:
    folder.mkdir()
    os.chown(folder, *(postgres_cluster.account(primary.folder) or (-1, -1)))
    password, (host, port) = (primary.folder / "password").read_text(), primary.address
    options = ["-D", str(folder / "data"), "-h", host, "-p", str(port), "-U", "postgres", "-R", "-c", "fast"]
    subprocess.run(
        postgres_cluster.program(primary.folder, ["pg_basebackup", *options], dies_by=signal.SIGKILL),
        env={**postgres_cluster.environment(), "PGPASSWORD": password},
        check=True,
        cwd=folder,
    )
    shutil.copy(primary.folder / "password", folder / "password")
    return embedded_postgres.start(folder, settings=FAST)


@dataclass
class Balancer:
    """Leads each new connection to ``target``; it ends no connection when the target changes, except with ``cut``."""

    target: tuple[str, int]
    host: str = "127.0.0.1"
    made: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start to accept connections."""
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def cut(self, target: tuple[str, int]) -> None:
        """End every connection, and lead the next ones to another target."""
        self.target = target
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.made += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        self._open += (client, server)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
