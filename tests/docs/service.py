"""A service in a copy of the tree, with the processes of ``make run``, that the pages call."""

import csv
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, insert, text

from app.models import Base
from app.models.products import Currency, Product
from deploy.local.free_ports import free_port
from tests.docs.pages import ROOT

COPIED: Final = ("app", "deploy", "docs", "migrations", "gunicorn.conf.py", "pyproject.toml", "wsgi.py")
KEPT: Final = {"alembic_version", "products"}
"""Tables that are not emptied between pages: ``make run`` fills them in a new database."""
PRODUCTS: Final = "deploy/local/products.csv"
COMMANDS: Final = (
    ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"),
    ("flask", "worker"),
    ("flask", "rpc", "serve"),
)
READY: Final = (
    "worker ready",
    "grpc://127.0.0.1",
)
"""Texts that the processes print once they serve."""
PROGRAM: Final = """#!/bin/sh
# A token is issued once for the same words: a command takes a second or more to start, and most pages need a token.
if [ "$1 $2" != "tokens issue" ]; then exec {real} "$@"; fi
kept={tokens}/"$(printf '%s' "$*" | cksum | tr ' ' -)"
[ -s "$kept" ] || {{ {real} "$@" > "$kept.$$" && mv "$kept.$$" "$kept"; }} || exit
cat "$kept"
"""
INHERITED: Final = ("PATH", "LANG", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
STARTS_WITHIN: Final = 90.0
"""Seconds, on a busy machine."""


@dataclass
class Service:
    """A service on a free port, and the folder of its checkout."""

    folder: Path
    port: int
    environment: dict[str, str]
    rpc_port: int = field(default_factory=free_port)
    pages: int = 0

    @property
    def addresses(self) -> dict[str, str]:
        """Return the addresses that pages show, each with the one of this service."""
        return {
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "127.0.0.1:50051": f"127.0.0.1:{self.rpc_port}",
        }

    @property
    def printed(self) -> str:
        """Return the output of the service."""
        return (self.folder / "printed").read_text(errors="replace")

    def environment_of_a_page(self) -> dict[str, str]:
        """Return the environment of a page: a new client address, empty tables, no mail, and an empty home folder."""
        self.pages += 1
        home = self.folder / f"home-{self.pages}"
        home.mkdir()
        shutil.rmtree(self.folder / ".local" / "mail", ignore_errors=True)
        (home / ".curlrc").write_text(f'interface = "127.0.0.{1 + self.pages % 250}"\n')
        engine = create_engine(self.environment["DATABASE_URL"])
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in KEPT:
                    connection.execute(text(f"DELETE FROM {table}"))
        engine.dispose()
        return self.environment | {"HOME": str(home), "CURL_HOME": str(home)}


@contextmanager
def served(database_url: str, folder: Path, tokens: Path) -> Iterator[Service]:
    """Start a separate service on a database without rows, and stop it afterwards."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with the bytecode
        else:
            shutil.copy(source, folder)
    make_environment(folder / ".venv" / "bin", tokens)
    service = Service(folder, free_port(), {})
    service.environment |= {name: os.environ[name] for name in INHERITED if name in os.environ}
    service.environment |= {
        "APP_ENV": "development",
        "DATABASE_URL": database_url,
        "JWT_SECRET": "a-secret-of-the-documentation-tests!",
        "PORT": str(service.port),
        "RPC_PORT": str(service.rpc_port),
    }
    service.environment |= dict.fromkeys(("METRICS_PORT", "RPC_METRICS_PORT", "WORKER_METRICS_PORT"), "0")
    _load_products(database_url)
    with (folder / "printed").open("w") as printed:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder, env=service.environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
            )
            for command in COMMANDS
        ]  # fmt: skip
        try:
            _wait(service)
            yield service
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(STARTS_WITHIN)


def make_environment(folder: Path, tokens: Path) -> None:
    """Write the programs that pages call; they call those of this environment, and keep tokens in a folder."""
    folder.mkdir(parents=True)
    for name in ("flask", "python"):
        program = folder / name
        real = shlex.quote(str(Path(sys.executable).with_name(name)))
        program.write_text(PROGRAM.format(real=real, tokens=shlex.quote(str(tokens))))
        program.chmod(0o755)


def _load_products(database_url: str) -> None:
    """Store the products that a new database of ``make run`` has."""
    with (ROOT / PRODUCTS).open(encoding="utf-8", newline="") as file:
        now = datetime.now(UTC)
        rows = [{**row, "currency": Currency[row["currency"]], "update_time": now} for row in csv.DictReader(file)]
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(insert(Product), rows)
    engine.dispose()


def _wait(service: Service) -> None:
    """Wait until HTTP, gRPC and jobs are served."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if all(each in service.printed for each in READY):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{service.port}/readyz", timeout=5).close()
                return
        time.sleep(0.05)
    pytest.fail(f"the service does not start:\n{service.printed}")
