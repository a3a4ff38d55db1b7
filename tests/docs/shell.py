"""One bash per page, and the steps of its ``console`` blocks."""

import os
import re
import select
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROMPT: Final = re.compile(r"^\$ ", re.MULTILINE)
PATIENCE: Final = 60.0
"""Seconds that a step may take."""


@dataclass(frozen=True)
class Step:
    """A command, and the output that the page shows; without one, anything may be printed."""

    command: str
    output: str


class Shell:
    """A bash that keeps variables, aliases and functions from one step to the next, as a terminal does."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
        )
        self.run("shopt -s expand_aliases")

    def run(self, command: str) -> tuple[int, str]:
        """Run a command, and return its exit status and its output.

        Raises:
            TimeoutError: it takes too long.
        """
        end = uuid.uuid4().hex
        assert self._bash.stdin
        self._bash.stdin.write(f"{{\n{command}\n}} </dev/null\nprintf '\\n%s %d\\n' {end} $?\n".encode())
        self._bash.stdin.flush()
        return self._until(end)

    def _until(self, end: str) -> tuple[int, str]:
        assert self._bash.stdout
        stream, text, deadline = self._bash.stdout.fileno(), b"", time.monotonic() + PATIENCE
        while not (found := re.search(rb"\n%s (\d+)\n\Z" % end.encode(), text)):
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            received = os.read(stream, 65536) if ready else b""
            if not received:
                raise TimeoutError(f"the command did not end, or bash did:\n{text.decode(errors='replace')}")
            text += received
        printed = text[: found.start()].decode(errors="replace").replace("\r\n", "\n")
        return int(found[1]), printed.strip("\n")

    def close(self) -> None:
        """End the bash, and with it the page."""
        self._bash.kill()
        self._bash.wait()
        for stream in (self._bash.stdin, self._bash.stdout):
            if stream:
                stream.close()


def steps(source: str) -> Iterator[Step]:
    """Return the commands of a transcript, each with the output that is shown."""
    for part in PROMPT.split(source)[1:]:
        lines = part.splitlines()
        length = next((n for n in range(1, len(lines)) if _is_complete(lines[:n])), len(lines))
        command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:length])])
        yield Step(command, "\n".join(lines[length:]).strip("\n"))


def _is_complete(lines: list[str]) -> bool:
    """Return whether bash would run these lines instead of waiting for more."""
    text = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:])])
    if lines[-1].endswith("\\"):
        return False
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    return done.returncode == 0 and "here-document" not in done.stderr
