"""Containers of a row: one with the service and its tests, and one with a PostgreSQL server."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from deploy.local.free_ports import free_port
from tests.containers import engine
from tests.containers.test_install_debian import pip_mounts
from tests.docs.pages import ROOT

PACKAGES: Final = (
    "python3", "python3-venv", "ca-certificates", "tzdata", "make", "git", "openssl", "curl", "procps", "iproute2",
    "util-linux", "postgresql", "nginx-light", "gcc", "libc6-dev", "redis-server",
)  # fmt: skip
WITH_VALKEY: Final = ("trixie", "forky")
TESTING: Final = "forky"
EXPIRED: Final = '--aptopt=Acquire::Check-Valid-Until "false"'
"""Accepts expired lists of packages: those of testing expire after a week, and a mirror can be a snapshot."""
ENTRY: Final = engine.HERE / "images" / "postgres.sh"
DATABASE: Final = "candor"
SETTINGS: Final = (
    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
    *("-c", "fsync=off", "-c", "max_connections=300"),
)
STARTS_WITHIN: Final = 60.0
INSTALL_WITHIN: Final = 900.0
CODE: Final = "/opt/candor"
PATH: Final = "/opt/candor/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def image(suite: str) -> str:
    """Return the image of a Debian with the programs of a row."""
    packages = (*PACKAGES, *(["valkey-server"] if suite in WITH_VALKEY else []))
    return engine.debian(suite, packages, f"matrix:{suite}", *([EXPIRED] if suite == TESTING else []))


@dataclass(frozen=True)
class Machine:
    """A Debian with the service installed."""

    container: str

    def shell(
        self, script: str, *, within: float = 60, check: bool = True, variables: Mapping[str, str] | None = None
    ) -> str:
        """Run a script in the folder of the code, and return its output. Variables without a value are not set."""
        given = {"PATH": PATH, **(variables or {})}
        environment = (f"--env={name}={value}" for name, value in given.items() if value)
        command = ("exec", *environment, f"--workdir={CODE}", self.container, "bash", "-euc", script)
        return engine.podman(*command, within=within, check=check)


@contextmanager
def machine(suite: str) -> Iterator[Machine]:
    """Yield a Debian in which the last commit and the packages of the hashed lock are installed."""
    cache = engine.LOCAL / "pip-cache"
    cache.mkdir(parents=True, exist_ok=True)
    options = (
        "--init", "--network=host", f"--volume={ROOT}:/src:ro", f"--volume={cache}:/root/.cache/pip", *pip_mounts(),
        "--shm-size=1g",
    )  # fmt: skip
    command = ("sh", "-c", f"mkdir -p {CODE} && exec sleep infinity")
    with engine.running(f"candor-matrix-{suite}", image(suite), *command, options=options) as name:
        made = Machine(name)
        made.shell("git -c safe.directory='*' clone --quiet /src . && make .venv/dev.lock", within=INSTALL_WITHIN)
        yield made


@contextmanager
def database(suite: str) -> Iterator[str]:
    """Yield the URL of a new PostgreSQL server from the packages of a Debian, with an ordinary role."""
    password, port = secrets.token_hex(8), free_port()
    file = engine.LOCAL / f"matrix-password-{port}"
    file.write_text(password)
    file.chmod(0o644)
    variables = {
        "POSTGRES_USER": "postgres", "POSTGRES_DB": DATABASE, "POSTGRES_PASSWORD_FILE": "/password",
        "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8",
    }  # fmt: skip
    options = (
        "--network=host", "--shm-size=1g", *(f"--env={name}={value}" for name, value in variables.items()),
        f"--volume={file}:/password:ro", f"--volume={ENTRY}:/postgres.sh:ro",
    )  # fmt: skip
    command = ("/postgres.sh", "-p", str(port), *SETTINGS)
    with engine.running(f"candor-matrix-postgres-{port}", image(suite), *command, options=options) as name:
        ready = ("exec", name, "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}", "--username=postgres")
        engine.wait_until(
            lambda: engine.podman(*ready) == "", STARTS_WITHIN, lambda: engine.podman("logs", name, check=False)
        )
        role = f"CREATE ROLE {DATABASE} LOGIN CREATEDB PASSWORD '{password}'"
        psql = ("psql", "--quiet", "--host=127.0.0.1", f"--port={port}", "--username=postgres", f"--command={role}")
        engine.podman("exec", f"--env=PGPASSWORD={password}", name, *psql, "postgres")
        yield f"postgresql+psycopg://{DATABASE}:{password}@127.0.0.1:{port}/postgres"


def number(text: str) -> str:
    """Return the first version number of a text."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return found[0] if found else "unknown"
