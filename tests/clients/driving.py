"""Programs of the tools' environment: generators, compilers, and drivers, with the time to their first request."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conftest import HERE, MODULES, PYTHON, run
from tests.clients.steps import STEPS

QUICK_JAVA: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options of Java for programs that end soon."""


class Clock:
    """Measures the time to the first typed request, without commands that only check types."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def driven(self, *command: str | Path, cwd: Path, environment: Mapping[str, str], but: Iterable[str] = ()) -> None:
        """Run a driver: every step succeeds. Print the time to its first request.

        Args:
            command: The driver.
            cwd: Its working directory.
            environment: The variables that it needs to call the service.
            but: Steps that this client can't do; the table in docs/call/clients.md has a row for each.
        """
        path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
        with subprocess.Popen(
            [*map(str, command)],
            cwd=cwd,
            env={**os.environ, "PATH": path, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as driver:
            assert driver.stdout is not None
            first = driver.stdout.readline()
            seconds = time.monotonic() - self._began
            rest = driver.stdout.read()
        printed = first + rest
        assert driver.wait() == 0, printed
        print(f"generation to first typed request: {seconds:.1f} s")
        assert printed.split() == [step for step in STEPS if step not in but]

    def paused(self, *command: str | Path, cwd: Path) -> str:
        """Run a command that only checks; its time is not measured."""
        began = time.monotonic()
        printed = run(*command, cwd=cwd)
        self._began += time.monotonic() - began
        return printed


def needed(*programs: str) -> None:
    """Skip the test unless these programs are installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: docs/call/clients.md names the packages")


def generate(folder: Path, generator: str, output: str, *options: str, **properties: str) -> list[str]:
    """Run openapi-generator on ``openapi.json``, and return the warnings and errors that it prints."""
    needed("java")
    joined = ",".join(f"{name}={value}" for name, value in properties.items())
    printed = run(
        *(PYTHON.parent / "openapi-generator-cli", "generate", "-g", generator, "-i", "openapi.json", "-o", output),
        *("--additional-properties", joined, *options),
        *("--global-property", "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"),
        cwd=folder,
        JAVA_TOOL_OPTIONS=QUICK_JAVA,
    )
    return [line for line in printed.splitlines() if not line.startswith(("[main] INFO", "#", "Picked up"))]


def compiled(folder: Path, driver: str, **options: bool) -> Path:
    """Check a driver in TypeScript and its imports with ``tsc --strict``, and return the program in JavaScript."""
    shutil.copy(HERE / driver, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(MODULES)
    fixed = {"target": "es2023", "lib": ["es2023", "dom", "dom.iterable"], "module": "nodenext", "types": ["node"]}
    configuration = {"compilerOptions": {**fixed, "strict": True, "outDir": "built", **options}, "files": [driver]}
    (folder / "tsconfig.json").write_text(json.dumps(configuration))
    tsc = MODULES / "typescript" / "bin" / "tsc"
    assert run(PYTHON.parent / "node", tsc, "-p", ".", cwd=folder) == ""
    return folder / "built" / driver.replace(".ts", ".js")
