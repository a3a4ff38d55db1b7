"""Writes the generated files of a repository again, with the code as it is now."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

PROBLEMS: Final = Path("deploy/nginx/problems.conf")
SETTINGS: Final = {"APP_ENV": "development", "DATABASE_URL": "postgresql://localhost/unused", "JWT_SECRET": "x" * 32}
"""Settings of commands that need no database."""
FINDINGS: Final = 1
"""The status of ruff if it has findings. It is 2 if ruff could not run."""


def style(root: Path, *paths: str) -> None:
    """Format the code, or only some files. Lines that became too long get a comment."""
    for command in (["format"], ["check", "--fix"], ["check", "--select", "E501", "--add-noqa"]):
        python(root, "-m", "ruff", *command, "--quiet", *(paths or ["."]), most=FINDINGS)


def all_files(root: Path) -> None:
    """Write the contract, the configuration of nginx, the reference, the table of licences and the dashboards."""
    python(root, "-m", "flask", "contract", "accept")
    (root / PROBLEMS).write_text(python(root, "-m", "flask", "edge", "nginx"))
    python(root, "-m", "tests.licences")
    python(root, "-m", "tests.docs.generate")
    python(root, "-m", "deploy.grafana.generate")


def python(root: Path, *arguments: str, most: int = 0) -> str:
    """Run a module in the repository, and return its output.

    Raises:
        subprocess.CalledProcessError: its status is greater than ``most``.
    """
    environment = SETTINGS | os.environ
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- own
    if done.returncode > most or done.returncode < 0:
        done.check_returncode()
    return done.stdout
