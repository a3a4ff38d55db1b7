"""Git, as a program: its output, or an error with its own words."""

import os
import subprocess
from pathlib import Path

_PLAIN = ("-c", "core.hooksPath=/dev/null", "-c", "core.excludesFile=/dev/null")
"""Neither hooks nor ignored files of this account: they would change what is committed."""


def git(root: Path, *command: str, **environment: str) -> str:
    """Run a command in a repository, and return its output.

    Raises:
        RuntimeError: the command failed.
    """
    done = attempt(root, *command, **environment)
    if done.returncode:
        raise RuntimeError(f"git {command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def attempt(root: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that may fail."""
    full = ["git", *_PLAIN, *command]
    return subprocess.run(  # noqa: S603 -- own
        full, cwd=root, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def is_true(root: Path, *command: str) -> bool:
    """Return whether a command that answers with its status succeeds."""
    return attempt(root, *command).returncode == 0
