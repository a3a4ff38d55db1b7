"""Start the service on this machine: `run.py` serves, `run.py -- flask db upgrade` runs one command and ends.

Without DATABASE_URL an embedded PostgreSQL is started below `.local/`, or the one that already runs there is used.
The environment takes precedence, then `.env`, then the defaults here. To serve, this process becomes gunicorn:
no process stays in between, a signal reaches gunicorn itself, and the database ends with it, however it ends.
"""

# ruff: noqa: E402 -- the statements before an import prepare it
import sys

_shown = sys.excepthook
# Ctrl-C during the imports ends the process without output: nothing has started.
sys.excepthook = lambda kind, exc, trace: None if kind is KeyboardInterrupt else _shown(kind, exc, trace)

import errno
import hashlib
import importlib.util
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # executed as a file, only its own folder is on the path

from app import product
from deploy.local import embedded_postgres, exec_child, private_files

LOCAL: Final = ROOT / ".local"
URL_FILE: Final = LOCAL / "database-url"
PRODUCTS: Final = ROOT / "deploy" / "local" / "products.csv"
"""Products that can be ordered where none are configured."""
STAMP: Final = LOCAL / "postgres" / "migrated"
WORKER: Final = [sys.executable, "-m", "flask", "worker"]
SUPERVISOR: Final = [sys.executable, "-m", "deploy.local.supervisor"]
RPC: Final = [sys.executable, "-m", "flask", "rpc", "serve"]
DEFAULTS: Final = {"APP_ENV": "development", "HOST": "127.0.0.1", "PORT": "8000"}
ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
PORT_FREE_WITHIN: Final = 1.5  # seconds: a killed gunicorn's workers notice within one


def main(words: list[str]) -> int:
    """Serve, or run the command after `--`; an expected error is printed in one line."""
    os.chdir(ROOT)
    settle_environment()
    if sys.flags.optimize > 1:
        removed = "PYTHONOPTIMIZE=2 removes docstrings, which are the titles of errors"
        return fail(f"{removed}: set it to 1 or 0, or leave -OO out")
    try:
        if words and words[0] == "--":
            return run_command(words[1:])
        if words:
            return fail("usage: run.py [-- command …]")
        serve()
    except (embedded_postgres.PostgresError, OSError, subprocess.SubprocessError) as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def serve() -> NoReturn:
    """Start the database, migrate it, start a worker and gRPC, and become gunicorn."""
    if "MAKELEVEL" in os.environ:
        exec_child.ends_with_parent(signal.SIGTERM)  # a killed make passes nothing on
    if is_embedded():
        if not (LOCAL / "postgres" / "data").exists():
            info("making a database below .local/postgres")
        server = start_postgres()
        server.outlive_exec()
        check_port()
        migrate(embedded=server.url)
    else:
        check_port()
        migrate()
    start_in_background(SUPERVISOR + WORKER)  # whatever kills the worker meanwhile
    if os.environ.get("RPC_PORT") != "0" and importlib.util.find_spec("grpc"):
        start_in_background(RPC)
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until gunicorn.conf.py has a handler for it
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    os.execv(sys.executable, gunicorn)  # noqa: S606 - no shell is intended


def start_in_background(argv: list[str]) -> None:
    """Run a command until gunicorn ends; Ctrl-C does not reach it where the kernel signals gunicorn's end to it."""
    command = exec_child.command(argv, dies_by=signal.SIGTERM, account=None, sees_all=False)
    subprocess.Popen(command, start_new_session=exec_child.KERNEL_SIGNALS_CHILD)  # noqa: S603 - a fixed program


def run_command(argv: list[str]) -> int:
    """Run one command with the database of this checkout, started if necessary, and return its exit code."""
    if not is_embedded():
        return _finish(argv)
    deadline = time.monotonic() + embedded_postgres.READY_WITHIN.total_seconds()
    while True:
        try:
            server = start_postgres()
        except embedded_postgres.AlreadyRunningError:
            if url := neighbour():
                os.environ["DATABASE_URL"] = url
                return _finish(argv)
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # it is starting, or has just ended: then the next start succeeds
        else:
            try:
                return _finish(argv)
            finally:
                server.stop()


def settle_environment() -> None:
    """Add variables of `.env` that the environment does not have, then the defaults, to the environment."""
    if (ROOT / ".env").exists():
        for line in (ROOT / ".env").read_text(encoding="utf-8").splitlines():
            if (found := ASSIGNMENT.fullmatch(line)) and found[2].strip("'\""):
                os.environ.setdefault(found[1], found[2].strip("'\""))
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def is_embedded() -> bool:
    """True if this launcher starts the database; production must configure one, and reports a missing one itself."""
    return not os.environ.get("DATABASE_URL") and os.environ["APP_ENV"] != "production"


def start_postgres() -> embedded_postgres.Server:
    """Start the embedded server and publish its address: to child processes, and to other commands in this checkout."""
    server = embedded_postgres.start(LOCAL / "postgres", on_lock=lambda: URL_FILE.unlink(missing_ok=True))
    private_files.write_private(URL_FILE, f"{server.url}\n")
    os.environ["DATABASE_URL"] = server.url
    return server


def neighbour() -> str | None:
    """Return the address of the server that another process of this checkout runs, once it answers."""
    try:
        url = URL_FILE.read_text(encoding="utf-8").strip()
        embedded_postgres.query(url, "SELECT")
    except (FileNotFoundError, embedded_postgres.PostgresError):
        return None
    return url


def check_port() -> None:
    """Reject an unavailable port before gunicorn starts. Raises: OSError."""
    host, port = os.environ["HOST"], os.environ["PORT"]
    deadline = time.monotonic() + PORT_FREE_WITHIN
    while (fault := _fault_of(host, port)) is not None:
        if fault.errno != errno.EADDRINUSE:
            raise OSError(f"cannot listen on HOST={host} PORT={port}: {fault.strerror}")
        if time.monotonic() > deadline:
            raise OSError(f"port {port} on {host} is taken: stop what listens there, or choose another with PORT=…")
        time.sleep(0.05)


def _fault_of(host: str, port: str) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def migrate(*, embedded: str = "") -> None:
    """Migrate the schema to the newest revision; skipped when the embedded database is known to have it."""
    if embedded and STAMP.exists() and STAMP.read_text() == _stamp(embedded):
        return
    info("migrating the database")
    if code := _finish([sys.executable, "-m", "flask", "db", "upgrade"]):
        sys.exit(code)
    if embedded:
        if code := _finish([sys.executable, "-m", "flask", "products", "load", "--if-none", str(PRODUCTS)]):
            sys.exit(code)
        private_files.write_private(STAMP, _stamp(embedded))


def _stamp(url: str) -> str:
    """Return the state of the database and of the migrations; while it is the same, no migration is necessary."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "migrations").rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    try:
        revision = embedded_postgres.query(url, "SELECT string_agg(version_num, ',') FROM alembic_version")
    except embedded_postgres.PostgresError:
        revision = "none"
    return f"{digest.hexdigest()} {revision}"


def _finish(argv: list[str]) -> int:
    """Run a command that ends with this process; Ctrl-C reaches it too, and this process waits for its exit code."""
    command = exec_child.command(argv, dies_by=signal.SIGTERM, account=None, sees_all=False)
    with subprocess.Popen(command) as process:  # noqa: S603 - a fixed program, or the user's command
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return code if code >= 0 else 128 - code


def info(line: str) -> None:
    """Print one line."""
    sys.stderr.write(f"{product.SLUG}: {line}\n")
    sys.stderr.flush()


def fail(line: str) -> int:
    """Print an error, and return the exit code."""
    info(line)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
