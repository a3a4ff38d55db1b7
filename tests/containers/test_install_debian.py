"""``docs/operate/install-debian.md``, followed to the letter on a bare Debian that systemd boots in a container.

``make nightly`` follows it on Debian 13 too, which has Python 3.13, PostgreSQL 17 and nginx 1.26.

The first admin of the page is a test of ``tests/stack/test_operate_pages.py``.

The container is privileged, because systemd sets up the restrictions of the units in it. It uses the network of this
machine, because apt and pip must reach their servers: ports 80, 443, 5432 and those of the metrics must be free. The
texts of REPLACED stand for the input of an operator: an address of the repository, and edits of two files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.containers import engine
from tests.docs.pages import ROOT
from tests.stack.operator_steps import Step, steps

PAGE: Final = "install-debian"
CHAPTERS: Final = (
    "1. Install the code",
    "2. Create the database and the settings",
    "3. Start the service",
    "4. Start gRPC (optional)",
    "5. Configure nginx",
    "6. Send a request",
)
SUITES: Final = {"bookworm": ("12.", "3.11."), "trixie": ("13.", "3.13.")}
"""Debian 12 and 13 with the beginnings of their versions and of those of Python."""
BARE: Final = ("systemd", "systemd-sysv", "dbus", "procps", "iproute2")
"""The packages of a Debian server that Debian's smallest set of packages lacks."""
CERTIFICATES: Final = "/etc/pip-certificates.crt"
SITE_CERTIFICATE: Final = (
    "install -d /etc/ssl/candor && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    " -subj /CN=api.example.com -keyout /etc/ssl/candor/privkey.pem -out /etc/ssl/candor/fullchain.pem"
)
REPLACED: Final = {
    "apt-get install -y": "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y",
    "https://git.example.com/candor.git": "/src",
    "editor /etc/candor/candor.env": "sed -i 's/:password@/:a-password@/' /etc/candor/candor.env",
    "editor /etc/nginx/sites-available/candor": SITE_CERTIFICATE,
    "curl -i https://api.example.com": "curl -sSik --resolve api.example.com:443:127.0.0.1 https://api.example.com",
}
PARAMETERS: Final = "systemd.mask=systemd-sysctl.service"
"""A parameter for systemd, which prevents changes of the machine's own kernel."""
BOOTS_WITHIN: Final = 120.0
STEP_WITHIN: Final = 900.0


class Machine:
    """A Debian in a container."""

    def __init__(self, name: str, suite: str) -> None:
        self.name = name
        self.suite = suite

    def shell(self, script: str, *, check: bool = True) -> str:
        """Run a script as root, in the folder of the code if it exists."""
        there = f"cd /opt/candor 2>/dev/null || cd /; {script}"
        return engine.podman("exec", self.name, "bash", "-euc", there, within=STEP_WITHIN, check=check)

    def follow(self, step: Step) -> None:
        """Run a step of the page, which must succeed and print the output of the page."""
        command = step.command
        for old, new in REPLACED.items():
            command = command.replace(old, new)
        printed = self.shell(command)
        assert not step.missing_from(printed), f"{step.command}\n{printed}"


def pip_mounts() -> list[str]:
    """Return the mounts of pip's configuration on this machine."""
    secret, *certificate = engine.pip_options()
    path = secret.rpartition("src=")[2]
    text = Path(path).read_text()
    lines = [f"cert = {CERTIFICATES}" if line.startswith("cert =") else line for line in text.splitlines()]
    inside = engine.LOCAL / "pip-inside.conf"
    inside.write_text("\n".join(lines) + "\n")
    found = certificate[0].removeprefix("--volume=").partition(":")[0] if certificate else ""
    return [f"--volume={inside}:/etc/pip.conf:ro", *([f"--volume={found}:{CERTIFICATES}:ro"] if found else [])]


@pytest.fixture(params=["bookworm", pytest.param("trixie", marks=pytest.mark.nightly)])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return a booted Debian."""
    suite: str = request.param
    engine.skip_without_podman()
    options = (
        "--systemd=always", "--privileged", "--network=host", f"--env=SYSTEMD_PROC_CMDLINE={PARAMETERS}",
        f"--volume={ROOT}:/src:ro", *pip_mounts(),
    )  # fmt: skip
    image = engine.debian(suite, BARE, f"bare:{suite}")
    with engine.running(f"candor-test-{suite}", image, "/sbin/init", options=options) as name:
        made = Machine(name, suite)
        states = ("running", "degraded")
        engine.wait_until(
            lambda: made.shell("systemctl is-system-running", check=False) in states, BOOTS_WITHIN,
            lambda: engine.podman("logs", name) + made.shell("systemctl --no-pager list-jobs", check=False),
        )  # fmt: skip
        yield made


def test_the_page_installs_the_service(machine: Machine) -> None:
    machine.shell("printf '[safe]\\n\\tdirectory = *\\n' > /root/.gitconfig")
    for chapter in CHAPTERS:
        for step in steps(PAGE, chapter):
            machine.follow(step)
    units = machine.shell("systemctl is-active candor@1 candor@2 candor-worker candor-rpc nginx postgresql").split()
    assert units == ["active"] * 6
    ready = machine.shell("curl -sSk --resolve api.example.com:443:127.0.0.1 https://api.example.com/readyz")
    assert '"status":"ok"' in ready
    versions = machine.shell("cat /etc/debian_version; .venv/bin/python --version; nginx -v; psql --version")
    system, python = SUITES[machine.suite]
    assert versions.startswith(system)
    assert f"Python {python}" in versions
    print(versions)
