"""docs/call/requests.md: all code of the page runs unchanged, and does the same in each language."""

import json
import re
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from flask import Flask

from app.config import Settings
from tests.clients.conftest import PYTHON, run
from tests.rpc.conftest import served
from tests.stack.conftest import ROOT

PAGE = (ROOT / "docs" / "call" / "requests.md").read_text()
PROTO = ROOT / "app" / "rpc" / "proto"


def code_of(section: str, language: str) -> str:
    """Return the code of a section."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def caller(service: dict[str, str]) -> dict[str, str]:
    """Return the environment that the page sets."""
    return {"CANDOR_URL": service["CANDOR_URL"], "CANDOR_TOKEN": service["CANDOR_ALICE"]}


def check(printed: str, *, created: str, replayed: str) -> None:
    """Compare the output of a script with that in the page."""
    name, listed, completed, taken, first, second = printed.splitlines()
    assert re.fullmatch(r"tasks/[0-9a-f-]{36}", name)
    assert re.fullmatch(r"1 \[ ?'Buy milk' ?\]", listed)
    assert completed == "Buy milk STATUS_COMPLETED"
    assert taken.startswith("TASK_TITLE_TAKEN ")
    assert (first, second) == (created, replayed)


def test_curl(caller: dict[str, str], tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    lines = run("bash", "-euo", "pipefail", "-c", code_of("curl", "sh"), cwd=tmp_path, **caller).splitlines()
    task, listed, completed, taken, first, second = map(json.loads, lines[:-1])
    assert [each["name"] for each in listed["tasks"]] == [task["name"]]
    assert (completed["title"], completed["status"]) == ("Buy milk", "STATUS_COMPLETED")
    assert (taken["status"], taken["code"]) == (409, "TASK_TITLE_TAKEN")
    assert first["name"] == second["name"]
    assert lines[-1].strip().lower() == "idempotent-replayed: true"


def test_python(folder: Path, caller: dict[str, str]) -> None:
    (folder / "requests_of_the_page.py").write_text(code_of("Python", "python"))
    (folder / "configuration.yml").write_text("post_hooks: []\n")
    options = ("--path", "openapi.json", "--output-path", "candor_client", "--meta", "none")
    run(PYTHON.parent / "openapi-python-client", "generate", *options, "--config", "configuration.yml", cwd=folder)
    run(PYTHON, "-m", "mypy", "--strict", "requests_of_the_page.py", cwd=folder)
    printed = run(PYTHON, "requests_of_the_page.py", cwd=folder, **caller)
    check(printed, created="201 None", replayed="201 true")


def test_typescript(node_folder: Path, caller: dict[str, str]) -> None:
    (node_folder / "drive_typescript.ts").write_text(code_of("TypeScript", "ts"))
    node, modules = PYTHON.parent / "node", node_folder / "node_modules"
    run(node, modules / "openapi-typescript" / "bin" / "cli.js", "openapi.json", "-o", "schema.d.ts", cwd=node_folder)
    assert run(node, modules / "typescript" / "bin" / "tsc", "-p", ".", cwd=node_folder) == ""
    printed = run(node, "drive_typescript.ts", cwd=node_folder, **caller)
    check(printed, created="201 null", replayed="201 true")


def test_grpc(app: Flask, settings: Settings, caller: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text(code_of("gRPC", "python"))
    sources = [PROTO / "todo" / "v1" / "todo.proto", PROTO / "errors" / "v1" / "errors.proto"]
    paths = [f"--proto_path={PROTO}", f"--proto_path={sysconfig.get_path('purelib')}"]
    run(
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *paths,
        "--python_out=.",
        "--grpc_python_out=.",
        *sources,
        cwd=tmp_path,
    )
    with served(app, settings) as port:
        printed = run(sys.executable, "calls.py", cwd=tmp_path, **caller, CANDOR_RPC=f"127.0.0.1:{port}")
    check(printed, created="OK None", replayed="OK true")


def test_all_sections_make_the_same_requests() -> None:
    """Numbered from 1 to 5."""
    scripts = [
        code_of(*each) for each in (("curl", "sh"), ("Python", "python"), ("TypeScript", "ts"), ("gRPC", "python"))
    ]
    assert {tuple(re.findall(r"^(?:#|//) (\d)\. ", script, re.MULTILINE)) for script in scripts} == {tuple("12345")}
