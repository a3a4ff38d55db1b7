"""The pods of ``deploy/kubernetes`` run with ``podman kube play``: the rollout waits for the Job of the migrations.

podman 4.3 plays neither Jobs nor CronJobs; a Pod with the same template stands for the Job, and for each Deployment,
because podman restarts init containers of Deployments for ever. Probes are left out: podman runs them with curl, and by
timers of systemd. The tests send the requests of the probes themselves. Ports are left out, because podman publishes
each on the host; the tests use the addresses of the pods.
"""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock
from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.containers import engine
from tests.containers.test_kubernetes import Manifest
from tests.rpc.client import health

NETWORK: Final = "candor-test-kube"
DATABASE: Final = "candor-test-kube-postgres"
SECRET: Final = "candor"
PATIENCE: Final = 120.0
LEFT_OUT: Final = ("startupProbe", "livenessProbe", "readinessProbe", "ports")
OVERLAY: Final = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
images:
  - {{name: registry.example.com/candor, newName: {name}, newTag: {tag}}}
"""


class Cluster:
    """The rendered objects, and pods of their templates."""

    def __init__(self, objects: list[Manifest], home: Path) -> None:
        self.objects, self.home = objects, home
        self.config = next(each for each in objects if each["kind"] == "ConfigMap")

    def template(self, kind: str, name: str) -> Manifest:
        """Return the pod of a workload."""
        found = next(each for each in self.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
        spec = found["spec"].get("jobTemplate", found)["spec"]
        pod: Manifest = spec["template"]["spec"]
        return pod

    def play(self, kind: str, name: str) -> "subprocess.Popen[str]":
        """Start the pod of a workload; podman returns when its init containers have ended."""
        spec = {**self.template(kind, name), "restartPolicy": "OnFailure"}
        containers = [{k: v for k, v in each.items() if k not in LEFT_OUT} for each in spec["containers"]]
        pod = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "containers": containers},
        }  # fmt: skip
        path = self.home / f"{name}.yaml"
        path.write_text(yaml.safe_dump_all([self.config, pod]))
        return subprocess.Popen(
            ["podman", "kube", "play", "--network", NETWORK, str(path)],
            env=engine.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def remove(self, name: str) -> None:
        """Remove a pod."""
        engine.podman("pod", "rm", "--force", "--time=1", name, check=False)


def finish(process: "subprocess.Popen[str]") -> None:
    printed = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, printed


def address(pod: str) -> str:
    """Return the address of a pod."""
    infra = engine.podman("pod", "inspect", pod, "--format={{.InfraContainerID}}")
    found: str = engine.inspect("container", infra)["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
    return found


def serves_metrics(url: str) -> None:
    engine.wait_until(lambda: engine.response(url)[0] == 200, PATIENCE, lambda: f"{url} does not respond")


def state(container: str) -> Any:
    return engine.inspect("container", container)["State"]


@pytest.fixture(scope="module")
def cluster(image: str, servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return the objects of the overlay for staging; PostgreSQL, the network and the Secret exist."""
    home = engine.LOCAL / "kustomize"
    home.mkdir(parents=True, exist_ok=True)
    name, _, tag = image.partition(":")
    base = "../../../deploy/kubernetes/overlays/staging"
    (home / "kustomization.yaml").write_text(OVERLAY.format(base=base, name=name, tag=tag))
    objects = [*yaml.safe_load_all(engine.execute(engine.TOOLS / "kubectl", "kustomize", home))]
    work = tmp_path_factory.mktemp("kube")
    password = work / "password"
    password.write_text(secrets.token_hex(8))
    password.chmod(0o644)
    settings = {
        "DATABASE_URL": f"postgresql://candor:{password.read_text()}@{DATABASE}/candor",
        "JWT_SECRET": secrets.token_hex(32),
    }
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in settings.items()}
    (work / "secret.json").write_text(json.dumps(encoded))
    made = Cluster(objects, work)
    with ExitStack() as undo:
        undo.callback(engine.podman, "network", "rm", "--force", NETWORK, check=False)
        engine.podman("network", "create", NETWORK)
        undo.callback(engine.podman, "secret", "rm", SECRET, check=False)
        engine.podman("secret", "create", SECRET, str(work / "secret.json"))
        undo.callback(engine.podman, "volume", "rm", "--force", "tmp", check=False)
        undo.enter_context(engine.running(DATABASE, servers["postgres"], options=(
            f"--network={NETWORK}", "--env=POSTGRES_USER=candor", "--env=POSTGRES_DB=candor",
            "--env=POSTGRES_PASSWORD_FILE=/password", "--env=POSTGRES_INITDB_ARGS=--encoding=UTF8 --locale=C.UTF-8",
            f"--volume={password}:/password:ro",
        )))  # fmt: skip
        for pod in ("candor-migrate", "candor", "candor-worker", "candor-rpc"):
            undo.callback(made.remove, pod)
        yield made


class TestRollout:
    """The tests build on one another."""

    def test_pods_wait_for_the_migration(self, cluster: Cluster) -> None:
        web = cluster.play("Deployment", "candor")
        engine.wait_until(
            lambda: "waiting for the schema: the schema is at no migration" in engine.podman("logs", "candor-schema"),
            PATIENCE, lambda: engine.podman("ps", "--all") + engine.podman("logs", "candor-schema", check=False),
        )  # fmt: skip
        assert not state("candor-web")["Running"]
        assert web.poll() is None
        finish(cluster.play("Job", "candor-migrate"))
        assert engine.podman("wait", "candor-migrate-migrate", within=PATIENCE).endswith("0")
        finish(web)
        url = f"http://{address('candor')}"
        log = lambda: engine.podman("logs", "candor-web")  # noqa: E731 -- shown on failure
        engine.wait_until(lambda: engine.response(f"{url}:8000/readyz")[0] == 200, PATIENCE, log)
        assert engine.response(f"{url}:8000/healthz")[0] == 200
        assert b"http_requests_in_flight" in engine.response(f"{url}:9090/metrics")[1]

    def test_the_worker_and_grpc_run(self, cluster: Cluster) -> None:
        for name in ("candor-worker", "candor-rpc"):
            finish(cluster.play("Deployment", name))
        worker, rpc = address("candor-worker"), address("candor-rpc")
        serves_metrics(f"http://{worker}:9094/metrics")
        serves_metrics(f"http://{rpc}:9093/metrics")
        with grpc.insecure_channel(f"{rpc}:50051") as channel:
            assert health(channel, within=PATIENCE) == HealthCheckResponse.SERVING

    def test_the_pods_are_restricted(self, cluster: Cluster) -> None:
        for name in ("candor-web", "candor-worker-worker", "candor-rpc-rpc"):
            status = engine.podman("exec", name, "cat", "/proc/1/status")
            assert "NoNewPrivs:\t1" in status, name
            assert "CapBnd:\t0000000000000000" in status, name
            assert "Uid:\t10001" in status, name
            assert "Read-only" in engine.podman("exec", name, "touch", "/opt/candor/new", check=False), name

    def test_pods_end_with_0_within_the_grace_period(self, cluster: Cluster) -> None:
        grace = cluster.template("Deployment", "candor")["terminationGracePeriodSeconds"]
        for name in ("candor", "candor-worker", "candor-rpc"):
            engine.podman("pod", "stop", f"--time={grace}", name)
        for name in ("candor-web", "candor-worker-worker", "candor-rpc-rpc"):
            assert state(name)["ExitCode"] == 0, name

    def test_the_backup_can_be_restored(self, cluster: Cluster, servers: dict[str, str], tmp_path: Path) -> None:
        container = cluster.template("CronJob", "candor-backup")["containers"][0]
        folder = tmp_path / "backups"
        folder.mkdir()
        folder.chmod(0o777)
        url = json.loads((cluster.home / "secret.json").read_text())["DATABASE_URL"]
        options = (
            f"--network={NETWORK}", "--user=10001:10001", *engine.HARDENED, f"--volume={folder}:/backups",
            f"--env=DATABASE_URL={base64.b64decode(url).decode()}", f"--entrypoint={json.dumps(container['command'])}",
        )  # fmt: skip
        engine.podman("run", "--rm", *options, servers["postgres"], *container["args"])
        (dump,) = folder.iterdir()
        assert dump.suffix == ".dump"
        listed = engine.podman(
            "run", "--rm", "--entrypoint=pg_restore", f"--volume={folder}:/b:ro", servers["postgres"], "--list",
            f"/b/{dump.name}",
        )  # fmt: skip
        assert "TABLE DATA public tasks" in listed
