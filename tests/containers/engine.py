"""podman, buildah and mmdebstrap: images from Debian packages, and containers on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.pages import ROOT

HERE: Final = Path(__file__).parent
LOCAL: Final = ROOT / ".local" / "containers"
TOOLS: Final = ROOT / ".local" / "containers-venv" / "bin"
NEEDED: Final = {
    "podman": "podman", "buildah": "buildah", "runc": "runc", "mmdebstrap": "mmdebstrap",
    "/usr/lib/podman/netavark": "netavark", "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "catatonit": "catatonit",
}  # fmt: skip
"""Programs, and the packages of Debian that have them."""
PREFIX: Final = "localhost/candor-test"
PIP_OPTIONS: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout")
HARDENED: Final = (
    "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp", "--memory=600m",
)  # fmt: skip
NOISE: Final = re.compile(r"(?m)^(?:time=.*(?:systemd connection|StopSignal).*|failed to connect to syslog.*)\n?")
"""Messages of podman where no systemd runs."""


def skip_without_podman() -> None:
    """Skip the test if a program is missing; with CI=true, that is a failure."""
    packages = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if packages:
        pytest.skip(f"containers are untested: apt-get install {' '.join(packages)}")
    if os.geteuid() != 0:
        pytest.skip("containers are untested: building and running them needs root")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of podman and buildah."""
    return {**os.environ, "CONTAINERS_CONF": str(HERE / "containers.conf"), **more}


def execute(*command: str | Path, within: float = 120, check: bool = True, **more: str) -> str:
    """Run a command, and return its output; a failure shows it."""
    done = subprocess.run(
        [*map(str, command)], env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, timeout=within, check=False,
    )  # fmt: skip
    printed = NOISE.sub("", done.stdout)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}\n{done.returncode}: {printed[-6000:]}"
    return printed.strip()


def podman(*words: str, within: float = 120, check: bool = True) -> str:
    """Run a command of podman."""
    return execute("podman", *words, within=within, check=check)


def inspect(kind: str, name: str) -> dict[str, Any]:
    """Return the description of an image or a container."""
    found: list[dict[str, Any]] = json.loads(podman(kind, "inspect", name))
    return found[0]


def debian(suite: str, packages: Sequence[str], tag: str, *more: str) -> str:
    """Return an image of a Debian with these packages; one that was made here before is used again.

    Args:
        suite: the code name.
        packages: to install, with those that they depend on.
        tag: the name of the image.
        more: further options of mmdebstrap.
    """
    name = f"{PREFIX}/{tag}"
    if not _exists(name):
        LOCAL.mkdir(parents=True, exist_ok=True)
        archive = LOCAL / f"{tag.replace(':', '-')}.tar"
        include = f"--include={','.join(packages)}"
        options = ("--quiet", "--variant=minbase", '--aptopt=APT::Install-Recommends "false"', include)
        execute("mmdebstrap", *options, *more, suite, archive, within=900)
        podman("import", "--quiet", str(archive), name, within=300)
        archive.unlink()
    return name


def _exists(name: str) -> bool:
    return subprocess.run(["podman", "image", "exists", name], env=environment(), check=False).returncode == 0


def base(suite: str) -> str:
    """Return the base of the application's image: Python with its venv module."""
    return debian(suite, ("python3", "python3-venv", "ca-certificates", "tzdata"), f"base:{suite}")


def build(name: str, context: Path, *options: str) -> str:
    """Build an image with buildah, and return its name."""
    command = ("buildah", "build", "--quiet", "--isolation=chroot", "--format=docker", "--layers", *options)
    execute(*command, f"--tag={name}", context, within=900)
    return name


def pip_options() -> list[str]:
    """Return the options of a build for pip's configuration on this machine, which stays out of the image."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = dict(re.findall(r"(?m)^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listed))
    kept = {name: value for name, value in found.items() if name in PIP_OPTIONS and "file:" not in value}
    LOCAL.mkdir(parents=True, exist_ok=True)
    path = LOCAL / "pip.conf"
    path.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in kept.items()))
    certificate = kept.get("cert")
    return [f"--secret=id=pip.conf,src={path}", *([f"--volume={certificate}:{certificate}:ro"] if certificate else [])]


@contextmanager
def running(name: str, image: str, *command: str, options: Sequence[str]) -> Iterator[str]:
    """Run a container in the background, and remove it at the end."""
    podman("run", "--detach", f"--name={name}", *options, image, *command)
    try:
        yield name
    finally:
        podman("rm", "--force", "--volumes", "--time=1", name, check=False)


def response(url: str, **headers: str) -> tuple[int, bytes]:
    """Send GET, and return status and body; status 0 if nothing listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as received:
            return received.status, received.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def wait_until(is_reached: Callable[[], object], within: float, otherwise: Callable[[], str]) -> float:
    """Return the seconds until a condition was true. Fails with a text if it is not in time."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        with suppress(AssertionError):
            if is_reached():
                return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(otherwise())
