"""A real PgBouncer in transaction mode between two workers and PostgreSQL, as in docs/operate/pgbouncer.md."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from app.config import Settings
from app.config.postgresql_url import SESSION
from deploy.local.free_ports import free_port
from tests.stack.conftest import serving
from tests.stack.deployment import SCALE

CLIENTS: Final = 8
REQUESTS: Final = 60
"""Requests of each client; every fourth creates a task."""
CONNECTIONS: Final = 5
WITHIN: Final = 20.0
"""Seconds until the pooler listens."""

pytestmark = pytest.mark.skipif(SCALE < 2, reason="takes PgBouncer; make soak runs it")


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder that the account of the pooler can read: root's temporary folders are closed to it."""
    with tempfile.TemporaryDirectory(prefix="candor-pgbouncer-") as folder:
        yield Path(folder)


@pytest.fixture
def pooled_url(settings: Settings, home: Path) -> Iterator[str]:
    """Return the URL of a pooler in front of a migrated database, whose role has the session parameters."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt install pgbouncer)")
    url, port = make_url(settings.database_url), free_port()
    (home / "users.txt").write_text(f'"{url.username}" "{url.password}"\n')
    (home / "pgbouncer.ini").write_text(f"""\
[databases]
{url.database} = host={url.host} port={url.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {home / "users.txt"}
pool_mode = transaction
default_pool_size = {CONNECTIONS}
ignore_startup_parameters = options
""")
    account = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None  # it doesn't run as root
    if account is not None:
        for path in (home, *home.iterdir()):
            os.chown(path, account, -1)
    set_session(settings.database_url)
    with (home / "log").open("w") as log:
        pooler = subprocess.Popen([program, str(home / "pgbouncer.ini")], user=account, stdout=log, stderr=log)
    pooled = url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    try:
        wait_for(pooled, pooler, home / "log")
        yield pooled
    finally:
        pooler.terminate()
        pooler.wait(10)
        reset_session(settings.database_url)


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def set_session(url: str) -> None:
    """Set the parameters for the role that the service otherwise sets on connecting, in this database only."""
    parameters = {
        **{name: value.replace("\\", "") for name, value in SESSION.items()},
        "statement_timeout": "10s",
        "lock_timeout": "2s",
        "client_connection_check_interval": "250",
    }
    with psycopg.connect(plain(url), autocommit=True) as connection:
        for name, value in parameters.items():
            statement = "ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}"
            database = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL(statement).format(database, sql.Identifier(name), value))


def reset_session(url: str) -> None:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} RESET ALL").format(database))


def wait_for(url: str, pooler: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline and pooler.poll() is None:
        try:
            psycopg.connect(plain(url), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"PgBouncer doesn't serve: {log.read_text()}")


def test_no_request_fails(
    settings: Settings, pooled_url: str, tmp_path: Path, bearer: Callable[..., dict[str, str]]
) -> None:
    """With a pooler without protocol-level prepared statements, connections stop preparing, and requests succeed."""
    statuses: Counter[int] = Counter()
    titles: list[str] = []
    with serving(settings, tmp_path / "served", DATABASE_URL=pooled_url, RATE_LIMIT="1000000 per hour") as served:

        def use(number: int) -> None:
            fields = {**bearer(f"client-{number}"), "Content-Type": "application/json"}
            path = "/v1/tasks"
            with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
                for turn in range(REQUESTS):
                    title = f"pooled {number} {turn}"
                    if turn % 4 == 0:
                        body = json.dumps({"task": {"title": title}})
                        connection.request("POST", "/v1/tasks", body, fields)
                        titles.append(title)
                    else:
                        connection.request("GET", path, headers=fields)
                    answer = connection.getresponse()
                    answer.read()
                    path = answer.headers["Location"] or path
                    statuses[answer.status] += 1

        clients = [threading.Thread(target=use, args=(number,)) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        for each in clients:
            each.join(120)
        urllib.request.urlopen(f"{served.url}/readyz", timeout=30).close()
    writes = CLIENTS * len(range(0, REQUESTS, 4))
    assert statuses == {201: writes, 200: CLIENTS * REQUESTS - writes}
    with psycopg.connect(plain(settings.database_url)) as direct:
        (kept,) = direct.execute("SELECT count(*) FROM tasks WHERE title = ANY(%s)", [titles]).fetchone() or (0,)
    assert kept == writes
