"""The entry point of the image: its commands, and secrets in files."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from app.config import ROOT, Settings

SCRIPT = ROOT / "deploy" / "containers" / "entrypoint.sh"


def run(*words: str, path: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": f"{path}:{os.environ['PATH']}", **environ}
    return subprocess.run([SCRIPT, *words], env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with programs that print their arguments."""
    for name in ("flask", "python"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" "$RPC_HOST"\n')
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "executed"),
    [
        (["web"], "python -m gunicorn -c gunicorn.conf.py wsgi:app"),
        (["worker", "--threads", "2"], "flask worker --threads 2"),
        (["rpc"], "flask rpc serve 0.0.0.0"),
        (["migrate"], "flask db upgrade"),
        (["flask", "tokens", "issue"], "flask tokens issue"),
    ],
)
def test_commands(programs: Path, words: list[str], executed: str) -> None:
    assert run(*words, path=programs).stdout.strip() == executed


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a 'quoted' $value\n")
    printed = run("env", path=tmp_path, JWT_SECRET_FILE=str(secret), SSL_CERT_FILE="/certificates").stdout.splitlines()
    assert "JWT_SECRET=a 'quoted' $value" in printed
    assert "SSL_CERT_FILE=/certificates" in printed
    assert not [line for line in printed if line.startswith("JWT_SECRET_FILE")]


def test_a_missing_file_prevents_the_start(tmp_path: Path) -> None:
    done = run("env", path=tmp_path, JWT_SECRET_FILE=str(tmp_path / "missing"))
    assert done.returncode != 0
    assert "missing" in done.stderr


def test_the_names_are_secrets_of_the_page() -> None:
    found = re.search(r"for name in (.*); do", SCRIPT.read_text())
    assert found
    names = found[1].split()
    page = (ROOT / "docs" / "operate" / "secrets.md").read_text()
    assert {name.lower() for name in names} <= {*Settings.__dataclass_fields__}
    table = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    in_environment = {name for name in re.findall(r"`([A-Z_]+)`", table) if name != "RPC_KEY"}
    assert {*names} == in_environment
