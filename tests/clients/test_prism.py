"""Prism as a proxy that validates every response against the document."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.free_ports import free_port
from tests.clients.conftest import MODULES, PYTHON, driven_in
from tests.clients.recording import Answer, recorded

READY: Final = "Prism is listening"
STARTS_WITHIN: Final = 120.0


@pytest.fixture
def prism(folder: Path, service: dict[str, str]) -> Iterator[str]:
    """Run Prism in front of the service, and return its address; it adds a header field to an invalid response."""
    port, log = free_port(), folder / "prism.log"
    program = MODULES / "@stoplight" / "prism-cli" / "dist" / "index.js"
    options = ("--validate-request", "false", "--cors", "false", "--port", str(port))
    command: list[str | Path] = [
        PYTHON.parent / "node",
        program,
        "proxy",
        "openapi.json",
        service["CANDOR_URL"],
        *options,
    ]
    with (
        log.open("w") as kept,
        subprocess.Popen(command, cwd=folder, stdout=kept, stderr=kept, start_new_session=True) as process,
    ):
        try:
            until = time.monotonic() + STARTS_WITHIN
            while READY not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the launcher of the wheel and its Node process


def called(url: str, token: str = "", body: dict[str, Any] | None = None) -> Any:
    """Call an operation, and return the response's body."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    sent = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, sent, headers)) as answer:
        return json.load(answer)


def test_every_response_is_valid(folder: Path, service: dict[str, str], prism: str) -> None:
    with recorded(prism) as (url, answers):
        driven_in(folder, url, service)
    assert [answer for answer in answers if answer.violations] == []
    assert {200, 201, 202, 207, 304, 400, 401, 403, 404, 409, 412, 422, 428, 429} <= {each.status for each in answers}


def test_with_fields_a_response_is_valid_except_for_omitted_members(service: dict[str, str], prism: str) -> None:
    """The document has no second type for it: docs/call/clients.md has the reason."""
    alice = service["CANDOR_ALICE"]
    items = [{"sku": "TEA-100", "quantity": 1}]
    with recorded(prism) as (url, answers):
        task = called(f"{url}/v1/tasks", alice, {"task": {"title": "prism"}})
        order = called(f"{url}/v1/orders", alice, {"customer_id": "alice", "currency": "EUR", "items": items})
        credentials = {"email": service["CANDOR_EMAIL"], "password": service["CANDOR_PASSWORD"]}
        mine = called(f"{url}/v1/tokens", body=credentials)["access_token"]
        begun = len(answers)
        for path, token in (
            (f"/v1/{task['name']}?fields=title,tags", alice),
            ("/v1/tasks?fields=title,due_date", alice),
            (f"/v1/orders/{order['id']}?fields=total", alice),
            ("/v1/orders?fields=id,status", alice),
            ("/v1/users/me?fields=name", mine),
        ):
            called(url + path, token)
    assert [answer for answer in answers[:begun] if answer.violations] == []
    for answer in answers[begun:]:
        assert lacking(answer), answer
        assert {each["code"] for each in answer.violations} == {"required"}, answer
        named = set(answer.path.partition("=")[2].split(","))
        assert lacking(answer).isdisjoint(named), answer


def lacking(answer: Answer) -> set[str]:
    """Return the properties that Prism reports as missing."""
    return {each["message"].rpartition("'")[0].rpartition("'")[2] for each in answer.violations}
