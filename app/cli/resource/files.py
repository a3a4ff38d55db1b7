"""Writes generated files: all of them, or none."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from app.cli.resource import grpc_code

PROBLEMS: Final = Path("deploy", "nginx", "problems.conf")
OWN_NAMES: Final = 'lint.isort.known-first-party = ["app", "tests"]'
"""A template imports all names that some resource needs; those that this one does not use are removed."""
TIDY: Final = (("check", "--fix-only", "--select", "I,F401", "--config", OWN_NAMES), ("format",))


def written(
    root: Path, made: Iterable[tuple[Path, str]], *, then: Callable[[], None] = lambda: None
) -> dict[Path, bool]:
    """Write formatted files, or none. Return the paths, each with true if the file existed before.

    Args:
        root: the repository.
        made: the files and their contents.
        then: called at the end; it can change these files again. If it raises ``ValueError``, nothing is written.

    Raises:
        ValueError: a file cannot be written.
    """
    files = _tidied(root, dict(made))
    before: dict[Path, bytes | None] = {}
    try:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            before[path] = (root / path).read_bytes() if (root / path).exists() else None
            (root / path).write_text(text)
        then()
    except OSError as error:
        _restore(root, before)
        raise ValueError(f"{error.filename} cannot be written: {error.strerror}") from error
    except ValueError:
        _restore(root, before)
        raise
    return {path: content is not None for path, content in before.items()}


def _restore(root: Path, before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        (root / path).unlink(missing_ok=True) if content is None else (root / path).write_bytes(content)


def write_rules_of_nginx(root: Path) -> None:
    """Write deploy/nginx/problems.conf with the operations of the new files. Nested paths have no fixed place in it.

    Raises:
        ValueError: the command failed.
    """
    command = [sys.executable, "-m", "flask", "edge", "nginx"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
    if done.returncode:
        raise ValueError(f"flask edge nginx failed: {' '.join(done.stderr.split())[-200:]!r}")
    (root / PROBLEMS).write_text(done.stdout)


def _tidied(root: Path, files: dict[Path, str]) -> dict[Path, str]:
    """Return files as formatted by ruff: line breaks and the order of imports depend on the words."""
    sources = {path: text for path, text in files.items() if grpc_code.GEN not in path.parents}
    with TemporaryDirectory() as folder:
        for path, text in sources.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text)
        for step in TIDY:
            command = [sys.executable, "-m", "ruff", *step, "--quiet", "--config", str(root / "pyproject.toml"), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
            if done.returncode:
                raise ValueError(f"ruff, which make lint installs, failed: {' '.join(done.stderr.split())[-200:]!r}")
        return files | {path: (Path(folder) / path).read_text() for path in sources}
