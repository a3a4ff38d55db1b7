"""The server in Go, built from packages of Debian, without a network: a marker of what compiled code costs."""

import os
import subprocess
from shutil import which
from typing import Final

from bench.database import HOME, ROOT

SOURCE: Final = ROOT / "bench" / "peers" / "go"
COMPILED: Final = HOME / "go-peer"
LIBRARIES: Final = "/usr/share/gocode"
PACKAGES: Final = "golang-go golang-github-jackc-pgx-v4-dev golang-github-golang-jwt-jwt-dev"
"""The packages of Debian."""


def build() -> str:
    """Build the server, and return the reason why that was not possible, or an empty text."""
    compiler = which("go")
    if compiler is None:
        return f"no Go compiler (apt install {PACKAGES})"
    settings = {"GO111MODULE": "off", "GOPATH": LIBRARIES, "GOFLAGS": "", "GOCACHE": str(HOME / "go-cache")}
    command = [compiler, "build", "-o", str(COMPILED), "."]
    done = subprocess.run(command, cwd=SOURCE, env=os.environ | settings, capture_output=True, text=True, check=False)  # noqa: S603 -- candor
    if done.returncode:
        return f"go build failed: {done.stderr.strip()[:300]} (apt install {PACKAGES})"
    return ""


def version() -> str:
    """Return the version of the compiler."""
    return subprocess.check_output(["go", "version"], text=True).split()[2].removeprefix("go")  # noqa: S607 -- candor
