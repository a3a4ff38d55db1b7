"""A separate checkout for each test, with a minimal service instead of the application, and a view of its processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.free_ports import free_port

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SERVES_WITHIN: Final = 30.0  # seconds

SERVICE: Final = """
import click, os, signal, psycopg
from flask import Flask
from flask.cli import AppGroup

app = Flask(__name__)
db = AppGroup("db")
app.cli.add_command(db)
connect = lambda: psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", ""))

@db.command()
def upgrade():
    with open("upgrades", "a") as file, connect() as connection:
        file.write("once more\\n")
        connection.execute("CREATE TABLE IF NOT EXISTS notes (body text)")
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version SELECT '1' WHERE NOT EXISTS (SELECT FROM alembic_version)")

products = AppGroup("products")
app.cli.add_command(products)

@products.command()
@click.option("--if-none", is_flag=True)
@click.argument("file", type=click.File())
def load(if_none, file):
    print(len(file.readlines()) - 1, "prices", flush=True)

@app.cli.command()
def worker():
    signal.pause()

rpc = AppGroup("rpc")
app.cli.add_command(rpc)

@rpc.command()
def serve():
    print("gRPC would serve", flush=True)
    signal.pause()

@app.get("/")
def notes():
    with connect() as connection:
        return " ".join(body for (body,) in connection.execute("SELECT body FROM notes"))

@app.post("/<body>")
def note(body):
    with connect() as connection:
        connection.execute("INSERT INTO notes VALUES (%s)", (body,))
    return ""
"""
GUNICORN: Final = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
bind = f"{os.environ['HOST']}:{os.environ['PORT']}"
worker_class = "gthread"
control_socket_disable = True
"""


@dataclass
class Checkout:
    """A copy of the launcher in a folder, optionally with another copy's database, and the processes it started."""

    root: Path
    furnished_as: Path | None = None
    port: int = field(init=False)
    launched: list[subprocess.Popen[str]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.port = free_port()
        shutil.copytree(REPOSITORY / "deploy", self.root / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "app").mkdir()
        for name in ("__init__.py", "product.py"):
            shutil.copy(REPOSITORY / "app" / name, self.root / "app")
        if self.furnished_as:  # with owners and modes, which shutil does not keep
            subprocess.run(["cp", "-a", self.furnished_as / ".local", self.root], check=True)
        (self.root / "migrations").mkdir()
        (self.root / "migrations" / "first.py").write_text("# the first\n")
        (self.root / "wsgi.py").write_text(SERVICE)
        (self.root / "gunicorn.conf.py").write_text(GUNICORN)

    def launch(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start the launcher as a shell does, in an environment with nothing else; its output is ``output``."""
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.root), "PORT": str(self.port)}
        plain |= {"METRICS_PORT": "0", "WORKER_METRICS_PORT": "0"}
        plain["RPC_PORT"] = "0"
        with self._output_file(len(self.launched)).open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "deploy/local/run.py", *words],
                cwd=self.root, env=plain | environment, stdout=output, stderr=output, text=True, start_new_session=True,
            )  # fmt: skip
        self.launched.append(process)
        return process

    def serve(self, **environment: str) -> subprocess.Popen[str]:
        """Start the service and return once it answers."""
        process = self.launch(**environment)

        def answers() -> bool:
            assert process.poll() is None, self.output
            with suppress(OSError):
                return "Listening at" in self.output and self.notes is not None  # not a killed predecessor's worker
            return False

        wait_until(answers, SERVES_WITHIN)
        self.seen |= descendants(process.pid)
        return process

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run the launcher to its end; return its exit code and its output."""
        code = self.launch(*words, **environment).wait(SERVES_WITHIN)
        return code, self.output

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Send the service a signal, and wait until it exits."""
        self.launched[-1].send_signal(signum)
        self.launched[-1].wait(SERVES_WITHIN)

    def clean(self) -> None:
        """End all processes of the test that still run, and remove the data: 40 MB each."""
        for process in self.launched:
            if process.poll() is None:
                process.terminate()
                process.wait(SERVES_WITHIN)
        wait_until(lambda: not self.alive, SERVES_WITHIN)
        shutil.rmtree(self.root)

    def note(self, body: str) -> None:
        """Have the service write one word to its database."""
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{body}", data=b"", timeout=5).close()

    def _output_file(self, start: int) -> Path:
        return self.root / f"output-{start}"

    @property
    def notes(self) -> list[str]:
        """The rows that the service finds in its database."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return str(answer.read().decode()).split()

    @property
    def output(self) -> str:
        """The output of the last start."""
        return self._output_file(len(self.launched) - 1).read_text()

    @property
    def upgrades(self) -> int:
        """The number of times that the database was migrated."""
        return len((self.root / "upgrades").read_text().splitlines())

    @property
    def alive(self) -> set[int]:
        """The processes seen while the service answered, of which these still live."""
        return self.seen & set(process_table())


def process_table() -> dict[int, int]:
    """Return the parent of every process that is not a zombie."""
    table = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
            if state not in "ZX":
                table[int(stat.parent.name)] = int(parent)
    return table


def descendants(pid: int) -> set[int]:
    """Return `pid` and every process below it."""
    table, found, fresh = process_table(), set[int](), {pid}
    while fresh:
        found |= fresh
        fresh = {child for child, parent in table.items() if parent in fresh}
    return found


def name_of(pid: int) -> str:
    """Return the name of a process's program; an empty string for a process that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def command_of(pid: int) -> str:
    """Return a process's program and arguments, each ended by NUL; an empty string for a process that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def wait_until(condition: Callable[[], bool], within: float) -> float:
    """Return the seconds until `condition` held; fail when it does not hold in time."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within, f"not within {within} seconds"
        time.sleep(0.02)
    return time.monotonic() - started
