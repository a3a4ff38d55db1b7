"""``deploy/kubernetes``: kubectl renders each overlay, each object is valid, and the objects fit one another.

The commands of ``docs/operate/kubernetes.md`` that need no cluster are executed too.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock

from app.config import VERSION, Settings
from tests.containers import engine
from tests.docs.pages import ROOT
from tests.stack.operator_steps import steps

FOLDER: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = ("production", "staging")
WITHOUT_SCHEMA: Final = {"ServiceMonitor"}
"""Kinds of the Prometheus Operator, whose schema is in no package."""
KINDS: Final = {
    *("ServiceAccount", "ConfigMap", "Service", "PersistentVolumeClaim", "Deployment", "Job", "CronJob", "Ingress"),
    *("HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"),
}
SHUTDOWN: Final = 15.0
"""Seconds that requests in progress get after DRAIN_SECONDS."""
Manifest = dict[str, Any]


@cache
def rendered(overlay: str) -> str:
    kubectl = engine.TOOLS / "kubectl"
    if not kubectl.exists():
        pytest.skip("the manifests are untested: make containers installs kubectl")
    return engine.execute(kubectl, "kustomize", FOLDER / "overlays" / overlay)


def objects(overlay: str) -> list[Manifest]:
    return [*yaml.safe_load_all(rendered(overlay))]


def pods(overlay: str) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield the name, the labels and the pod of each workload."""
    for each in objects(overlay):
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield each["metadata"]["name"], template["metadata"]["labels"], template["spec"]


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Return the name of each overlay."""
    name: str = request.param
    return name


class TestRendering:
    def test_every_object_is_valid(self, overlay: str) -> None:
        path = engine.LOCAL / f"{overlay}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(overlay))
        printed = engine.execute(engine.TOOLS / "kubernetes-validate", "--strict", path)
        kinds = [each["kind"] for each in objects(overlay)]
        assert printed.count(" passed for resource ") == len([each for each in kinds if each not in WITHOUT_SCHEMA])
        warnings = [line for line in printed.splitlines() if "INFO" not in line]
        assert [line for line in warnings if not any(f"kind {kind} " in line for kind in WITHOUT_SCHEMA)] == []

    def test_the_command_of_the_page_renders_production(self) -> None:
        (step,) = steps("kubernetes", "Deploy")
        path = f"{engine.TOOLS}{os.pathsep}{os.environ['PATH']}"
        assert engine.execute("bash", "-c", f"cd {ROOT} && {step.command}", PATH=path) == rendered("production")

    def test_an_invalid_object_is_found(self) -> None:
        path = engine.LOCAL / "invalid.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered("staging").replace("failureThreshold: 1\n", "failureTreshold: 1\n", 1))
        assert "failureTreshold" in engine.execute(engine.TOOLS / "kubernetes-validate", "--strict", path, check=False)

    def test_no_secret_is_in_the_files(self, overlay: str) -> None:
        assert {each["kind"] for each in objects("production")} == KINDS
        assert "Secret" not in {each["kind"] for each in objects(overlay)}

    def test_overlays_name_a_release(self, overlay: str) -> None:
        images = {each["image"] for _, _, pod in pods(overlay) for each in pod["containers"]}
        assert images == {f"registry.example.com/candor:v{VERSION}", "docker.io/library/postgres:18"}


class TestPods:
    def test_they_meet_the_restricted_profile(self, overlay: str) -> None:
        for name, _, pod in pods(overlay):
            assert pod["securityContext"]["runAsNonRoot"] is True, name
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert pod["automountServiceAccountToken"] is False, name
            for container in (*pod["containers"], *pod.get("initContainers", ())):
                context = container["securityContext"]
                assert context == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }, name
                assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
                assert "memory" in container["resources"]["limits"], name

    def test_deployments_wait_for_the_schema(self, overlay: str) -> None:
        for each in objects(overlay):
            if each["kind"] == "Deployment":
                first = each["spec"]["template"]["spec"]["initContainers"][0]
                assert first["command"] == ["python", "-m", "deploy.containers.wait_for_schema"]
                assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0

    def test_a_pod_has_time_to_drain(self, overlay: str) -> None:
        drain = float(settings(overlay)["DRAIN_SECONDS"])
        for each in objects(overlay):
            if each["kind"] == "Deployment":
                grace = each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
                assert grace >= drain + SHUTDOWN + 5

    def test_the_settings_are_accepted(self, overlay: str) -> None:
        secret = {"DATABASE_URL": "postgresql://candor:p@db/candor", "JWT_SECRET": "".join(map(chr, range(48, 96)))}
        Settings.from_env({"APP_ENV": "production", "HOST": "0.0.0.0", **settings(overlay), **secret})


def settings(overlay: str) -> dict[str, str]:
    """Return the settings of the ConfigMap."""
    found: dict[str, str] = next(each["data"] for each in objects(overlay) if each["kind"] == "ConfigMap")
    return found


class TestReferences:
    def test_selectors_match_pods(self, overlay: str) -> None:
        labels = [labels for _, labels, _ in pods(overlay)]
        for each in objects(overlay):
            spec = each.get("spec", {})
            selector = {
                "Service": spec.get("selector"),
                "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels"),
                "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels"),
            }.get(each["kind"])
            if selector:
                assert any(selector.items() <= has.items() for has in labels), each["metadata"]["name"]

    def test_every_pod_is_isolated(self, overlay: str) -> None:
        policy = next(
            each["spec"]
            for each in objects(overlay)
            if each["metadata"]["name"] == "candor" and each["kind"] == "NetworkPolicy"
        )
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        for name, labels, _ in pods(overlay):
            assert policy["podSelector"]["matchLabels"].items() <= labels.items(), name

    def test_ports_and_scale_targets_exist(self, overlay: str) -> None:
        containers = {name: pod["containers"][0] for name, _, pod in pods(overlay)}
        for each in objects(overlay):
            if each["kind"] == "Service":
                ports = {port["name"] for port in containers[each["metadata"]["name"]]["ports"]}
                assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
            if each["kind"] == "HorizontalPodAutoscaler":
                assert each["spec"]["scaleTargetRef"]["name"] in containers
                deployment = next(
                    other
                    for other in objects(overlay)
                    if other["kind"] == "Deployment" and other["metadata"]["name"] == "candor"
                )
                assert "replicas" not in deployment["spec"]

    def test_the_jobs_of_the_metrics_are_those_of_the_rules(self) -> None:
        monitor = next(each for each in objects("production") if each["kind"] == "ServiceMonitor")
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        services = [each for each in objects("production") if each["kind"] == "Service"]
        assert {each["metadata"]["name"] for each in services if wanted <= each["metadata"]["labels"].items()} == {
            "candor", "candor-worker", "candor-rpc",
        }  # fmt: skip
        for each in services:
            assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in each["spec"]["ports"]}
