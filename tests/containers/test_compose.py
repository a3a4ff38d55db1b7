"""``docker compose up`` as ``docs/operate/containers.md`` describes it, with podman-compose and local images."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.containers import engine
from tests.docs.pages import ROOT
from tests.stack.operator_steps import Step, steps

PROJECT: Final = "candor-test"
UP_WITHIN: Final = 600.0
SECONDS: Final = 90.0
SCRAPED_WITHIN: Final = 60.0
MARK: Final = "__step"
JOBS: Final = {"candor": 2, "candor-worker": 1}


class Compose:
    """The project of compose.yaml, on free ports of this machine."""

    def __init__(self, images: dict[str, str]) -> None:
        self.port, self.prometheus_port = free_port(), free_port()
        self.url, self.images = f"https://localhost:{self.port}", images
        self.command = f"{engine.TOOLS / 'podman-compose'} --in-pod=false -p {PROJECT}"

    def environment(self) -> dict[str, str]:
        """Return the variables that compose.yaml reads."""
        ports = {"HTTPS_PORT": str(self.port), "PROMETHEUS_PORT": str(self.prometheus_port)}
        return {**engine.environment(**ports, **self.images), "PUBLIC_URL": self.url}

    def follow(self, page_steps: list[Step]) -> None:
        """Run steps of the page in one shell; each must succeed and print the output of the page."""
        lines = [f"echo {MARK}\n{self._here(step.command)}" for step in page_steps]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=UP_WITHIN,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
        for step, printed in zip(page_steps, done.stdout.split(f"{MARK}\n")[1:], strict=True):
            assert not step.missing_from(printed), f"{step.command}\n{printed}"

    def _here(self, command: str) -> str:
        """Return a command of the page for podman, with the port and the image of the test."""
        command = command.replace("docker compose up", "docker compose up --no-build")
        return command.replace("docker compose", self.command).replace("https://localhost:8443", self.url)

    def run(self, *words: str) -> str:
        """Run a command of the service in a new container."""
        command = ["bash", "-c", f"{self.command} run -T --rm --no-deps worker {' '.join(words)}"]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=True, timeout=SECONDS
        ).stdout.strip()

    def curl(self, path: str, *options: str) -> tuple[int, str, str]:
        """Send a request, and return the status, the version of HTTP and the body."""
        written = ("-w", "\n%{http_code} %{http_version}")
        done = subprocess.run(
            ["curl", "-sSk", "-m", "30", *options, *written, f"{self.url}{path}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        body, _, last = done.stdout.rpartition("\n")
        status, version = last.split()
        return int(status), version, body

    def prometheus(self, path: str) -> Any:
        """Return the data of an answer of Prometheus."""
        status, body = engine.response(f"http://127.0.0.1:{self.prometheus_port}/api/v1/{path}")
        assert status == 200
        return json.loads(body)["data"]

    def down(self) -> None:
        """Remove the containers and the volumes."""
        subprocess.run(
            ["bash", "-c", f"{self.command} down --volumes --timeout=20"],
            cwd=ROOT, env=self.environment(), capture_output=True, check=False, timeout=UP_WITHIN,
        )  # fmt: skip
        for volume in yaml.safe_load((ROOT / "compose.yaml").read_text())["volumes"]:
            engine.podman("volume", "rm", "--force", f"{PROJECT}_{volume}", check=False)


@pytest.fixture(scope="module")
def compose(image: str, servers: dict[str, str]) -> Iterator[Compose]:
    """Return the running project."""
    images = {f"{name.upper()}_IMAGE": server for name, server in servers.items()}
    project = Compose({"CANDOR_IMAGE": image, **images})
    project.down()
    try:
        project.follow(steps("containers", "Start everything"))
        yield project
    finally:
        project.down()


class TestCompose:
    def test_it_serves_http_2_with_tls(self, compose: Compose) -> None:
        assert compose.curl("/healthz")[:2] == (200, "2")
        assert compose.curl("/v1/tasks")[0] == 401

    def test_nginx_returns_problem_documents(self, compose: Compose, tmp_path: Path) -> None:
        body = tmp_path / "body"
        body.write_bytes(b" " * 2_000_000)
        sent = ("-H", "Content-Type: application/json", "--data-binary", f"@{body}")
        status, _, document = compose.curl("/v1/tasks", *sent)
        assert status == 413
        assert json.loads(document)["type"] == f"{compose.url}/errors/body-too-large"

    def test_the_migration_ended_once_with_0(self, compose: Compose) -> None:
        state = engine.inspect("container", f"{PROJECT}_migrate_1")["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0)

    def test_prometheus_scrapes_every_process_and_has_the_rules(self, compose: Compose) -> None:
        def healthy() -> bool:
            targets = compose.prometheus("targets")["activeTargets"]
            up = [each["labels"]["job"] for each in targets if each["health"] == "up"]
            return {job: up.count(job) for job in JOBS} == JOBS

        engine.wait_until(healthy, SCRAPED_WITHIN, lambda: str(compose.prometheus("targets")))
        groups = compose.prometheus("rules")["groups"]
        alerts = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "alerting"}
        written = re.findall(r"(?m)^\s+- alert: (\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
        assert alerts == {*written}

    def test_containers_are_restricted(self, compose: Compose) -> None:
        for name in ("web-1", "web-2", "worker", "nginx"):
            status = engine.podman("exec", f"{PROJECT}_{name}_1", "cat", "/proc/1/status")
            assert re.search(r"(?m)^Uid:\s+10001\s", status), name
            assert re.search(r"(?m)^CapBnd:\s+0+$", status), name
            assert re.search(r"(?m)^NoNewPrivs:\s+1$", status), name
            assert "Read-only" in engine.podman("exec", f"{PROJECT}_{name}_1", "touch", "/etc/new", check=False), name

    def test_one_instance_can_be_replaced(self, compose: Compose) -> None:
        token = compose.run("flask", "tokens", "issue", "--subject", "alice", "--scope", "tasks")
        authorization = ("-H", f"Authorization: Bearer {token}")
        engine.podman("stop", "--time=45", f"{PROJECT}_web-1_1")
        answers = [compose.curl("/v1/tasks", *authorization)[0] for _ in range(20)]
        assert answers == [200] * 20
        engine.podman("start", f"{PROJECT}_web-1_1")
        check = ("exec", f"{PROJECT}_web-1_1", "python", "-m", "deploy.containers.health_check", "/readyz")
        engine.wait_until(lambda: engine.podman(*check) == "", SECONDS, lambda: "web-1 is not ready")

    def test_down_keeps_the_data(self, compose: Compose) -> None:
        compose.follow(steps("containers", "Stop, upgrade, delete"))
        assert engine.podman("ps", "--all", "--quiet", f"--filter=name={PROJECT}_") == ""
        engine.podman("volume", "inspect", f"{PROJECT}_database")


def test_the_settings_of_compose_exist() -> None:
    project = yaml.safe_load((ROOT / "compose.yaml").read_text())
    names = {
        name.removesuffix("_FILE").lower()
        for service in project["services"].values()
        if "candor" in service["image"].lower()
        for name in service.get("environment", {})
    }
    assert names <= {*Settings.__dataclass_fields__}


def test_prometheus_has_the_rules_and_jobs_of_a_server() -> None:
    server = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    ours = yaml.safe_load((ROOT / "deploy" / "containers" / "prometheus.yml").read_text())
    assert ours["global"] == server["global"]
    assert [each.rpartition("/")[2] for each in ours["rule_files"]] == [
        each.rpartition("/")[2] for each in server["rule_files"]
    ]
    assert [each["job_name"] for each in ours["scrape_configs"]] == [
        each["job_name"] for each in server["scrape_configs"]
    ]
