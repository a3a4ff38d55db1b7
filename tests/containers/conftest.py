"""The image of the application, built once for a run, and a container of it on a database of the tests."""

import re
import secrets
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import pytest
from sqlalchemy import make_url

from app.config import VERSION
from deploy.local.free_ports import free_port
from tests.containers import engine
from tests.docs.pages import ROOT

SUITE: Final = "bookworm"
SERVER_PACKAGES: Final = ("postgresql", "valkey-server", "nginx-light", "prometheus", "ca-certificates")
LABEL: Final = "org.opencontainers.image.title=Candor"
IMAGE: Final = f"{engine.PREFIX}/candor:test"


@pytest.fixture(scope="session")
def base() -> str:
    """Return the base of the image, a Debian 12."""
    engine.skip_without_podman()
    return engine.base(SUITE)


@pytest.fixture(scope="session")
def image(base: str) -> str:
    """Return the image of the application. Unnamed images of earlier builds are removed after a day."""
    engine.podman("image", "prune", "--force", "--filter=until=24h", f"--filter=label={LABEL}", within=300)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    labels = (f"--build-arg=VERSION={VERSION}", f"--build-arg=REVISION={revision.stdout.strip()}")
    return engine.build(IMAGE, ROOT, f"--build-arg=BASE={base}", *labels, *engine.pip_options())


@pytest.fixture(scope="session")
def settings_of_container(make_database: Callable[[str], str]) -> dict[str, str]:
    """Return the settings of production, on an empty database of this machine's PostgreSQL."""
    url = make_url(make_database("containers")).set(drivername="postgresql")
    return {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "JWT_SECRET": secrets.token_hex(32),
        "PUBLIC_URL": "https://api.example.com",
        "DRAIN_SECONDS": "1",
    }


class Containers:
    """Containers of the image in the network of this machine, restricted as in production."""

    def __init__(self, image: str, settings: dict[str, str]) -> None:
        self.image = image
        self.settings = settings

    def options(self, **settings: str) -> Sequence[str]:
        """Return the options of podman."""
        variables = (f"--env={name}={value}" for name, value in {**self.settings, **settings}.items())
        return ("--network=host", *engine.HARDENED, *variables)

    def run(self, *command: str, **settings: str) -> str:
        """Run a command until it ends, and return its output."""
        return engine.podman("run", "--rm", *self.options(**settings), self.image, *command)

    def running(self, name: str, *command: str, **settings: str) -> AbstractContextManager[str]:
        """Run a command in the background."""
        return engine.running(f"candor-test-{name}", self.image, *command, options=self.options(**settings))


@pytest.fixture(scope="session")
def containers(image: str, settings_of_container: dict[str, str]) -> Containers:
    """Return a maker of containers, on a database that a container has migrated."""
    made = Containers(image, settings_of_container)
    assert re.search(r"Running upgrade  -> 0001", made.run("migrate"))
    return made


@pytest.fixture
def ports() -> dict[str, str]:
    """Return settings with free ports."""
    names = ("PORT", "METRICS_PORT", "WORKER_METRICS_PORT", "RPC_PORT", "RPC_METRICS_PORT")
    return {name: str(free_port()) for name in names}


@pytest.fixture(scope="session")
def servers() -> dict[str, str]:
    """Return an image for each server of compose.yaml, made from packages of Debian 13."""
    engine.skip_without_podman()
    debian = engine.debian("trixie", SERVER_PACKAGES, "servers:trixie")
    folder = engine.HERE / "images"
    return {
        name: engine.build(f"{engine.PREFIX}/{name}", folder, f"--target={name}", f"--build-arg=BASE={debian}")
        for name in ("postgres", "valkey", "nginx", "prometheus")
    }
