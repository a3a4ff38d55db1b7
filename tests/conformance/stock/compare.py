"""Starts Candor, Candor behind nginx and the two stock servers, judges all by the same rules, and compares them."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import create_connection
from typing import Final

import jwt
from sqlalchemy import create_engine, make_url, text

from deploy.local import embedded_postgres
from deploy.local.free_ports import free_port
from deploy.stack.program_paths import NginxError, find
from tests import evidence
from tests.conformance import report
from tests.conformance.profile import Profile
from tests.conformance.rule import Verdict
from tests.conformance.run import judge

ROOT: Final = Path(__file__).resolve().parents[3]
PROFILES: Final = Path(__file__).resolve().parents[1] / "profiles"
STOCK: Final = Path(__file__).resolve().parent
LOGS: Final = ROOT / ".local" / "conformance"
STOCK_PYTHON: Final = ROOT / ".local" / "conformance-venv" / "bin" / "python"
SERVES_WITHIN: Final = 60.0
FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Subject:
    """A server to judge: the command that serves it on ``{port}``, its profile, and its certificate with TLS."""

    profile: Path
    command: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path = STOCK
    name: str = ""
    ca_file: str = ""


def compare(only: Sequence[str], *, json_to: Path | None, markdown_to: Path | None) -> int:
    """Judge all, and return 1 when Candor breaks a rule, directly or behind nginx."""
    secret = secrets.token_hex(32)
    columns: dict[str, list[Verdict]] = {}
    profiles: dict[str, Profile] = {}
    documents = []
    with _database() as database_url:
        for subject in (*_candor(database_url, secret), *_stock(secret)):
            profile = _profile(subject, secret)
            with _serving(profile.name, subject) as url:
                columns[profile.name] = judge(url, profile, only)
            profiles[profile.name] = profile
            documents.append(report.document(profile, url, columns[profile.name]))
    own = [name for name, profile in profiles.items() if profile.contract]
    for name in own:
        _print(f"{report.table(profiles[name], columns[name])}\n")
    _print(f"{report.side_by_side(columns)}\n")
    for name, profile in profiles.items():
        _print(report.summary(profile, columns[name]))
    if json_to:
        json_to.write_text(json.dumps(documents, indent=2) + "\n")
    if markdown_to:
        markdown_to.write_text(report.markdown(columns))
    if not only and len(own) > 1:  # all rules, on all four servers
        evidence.write("conformance", report.sums(columns))
    return 1 if any(report.broken(profiles[name], columns[name]) for name in own) else 0


def _candor(database_url: str, secret: str) -> Iterator[Subject]:
    environ = {
        "APP_ENV": "development",
        "DATABASE_URL": database_url,
        "DRAIN_SECONDS": "0",
        "HOST": "127.0.0.1",
        "JWT_SECRET": secret,
        "METRICS_PORT": "0",
        "PORT": "{port}",
        "PUBLIC_URL": "",
        "RATE_LIMIT": "100000 per second",
    }
    _finish([sys.executable, "-m", "flask", "db", "upgrade"], environ | {"PORT": "8000"})
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
    yield Subject(PROFILES / "candor.toml", command, environ, ROOT)
    try:
        find("nginx")
    except NginxError as missing:
        _print(f"not judged behind nginx: {missing}")
        return
    environ |= {"HTTP_PORT": str(free_port()), "HTTPS_PORT": "{port}", "STACK_HOME": str(LOGS)}
    launcher, certificate = (sys.executable, "deploy/stack/run.py"), str(LOGS / "tls.crt")
    yield Subject(PROFILES / "candor.toml", launcher, environ, ROOT, "Candor behind nginx", certificate)


def _stock(secret: str) -> tuple[Subject, Subject]:
    environ, python = {"SECRET_KEY": secret}, str(STOCK_PYTHON)
    gunicorn = (python, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "flask_smorest_app:app")
    uvicorn = (python, "-m", "uvicorn", "--port", "{port}", "fastapi_app:app")
    return (
        Subject(PROFILES / "flask_smorest.toml", gunicorn, environ),
        Subject(PROFILES / "fastapi.toml", uvicorn, environ),
    )


def _profile(subject: Subject, secret: str) -> Profile:
    """Return the profile with the tokens of this run."""
    profile = Profile.read(subject.profile, fetches_tokens=False)
    profile = replace(profile, name=subject.name or profile.name, ca_file=subject.ca_file)
    if not profile.contract:
        claims = {"sub": "conformance", "exp": int(time.time()) + 3600}
        return replace(profile, token=jwt.encode(claims, secret, algorithm="HS256"))
    return replace(profile, token=_issued(subject, "tasks"), token_without_scope=_issued(subject, "orders"))


def _issued(subject: Subject, scope: str) -> str:
    command = [sys.executable, "-m", "flask", "tokens", "issue", "--subject", "conformance", "--scope", scope]
    return _finish(command, {**subject.environ, "PORT": "8000"})


@contextmanager
def _database() -> Iterator[str]:
    """Yield the URL of a new empty database, on ``TEST_DATABASE_URL``'s server or an embedded one."""
    with ExitStack() as stack:
        url = os.environ.get("TEST_DATABASE_URL") or stack.enter_context(
            embedded_postgres.running(ROOT / ".local" / "test-conformance", settings=FAST, disposable=True)
        )
        name = f"candor_conformance_{os.getpid()}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            admin.dispose()


@contextmanager
def _serving(name: str, subject: Subject) -> Iterator[str]:
    """Yield the URL of a server that answers, and end it."""
    port = free_port()
    LOGS.mkdir(parents=True, exist_ok=True)
    environ = os.environ | {key: value.replace("{port}", str(port)) for key, value in subject.environ.items()}
    command = [word.replace("{port}", str(port)) for word in subject.command]
    with (LOGS / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=subject.folder, env=environ, stdout=log, stderr=log)
        try:
            _wait(port, process, log.name)
            yield f"{'https' if subject.ca_file else 'http'}://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: str) -> None:
    deadline = time.monotonic() + SERVES_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise OSError(f"the server does not start: see {log}")


def _finish(command: list[str], environ: Mapping[str, str]) -> str:
    environ = {**os.environ, **environ, "LOG_LEVEL": "WARNING"}
    return subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _print(lines: str) -> None:
    sys.stdout.write(f"{lines}\n")
