"""The files of forges and editors: they can be read, and the targets and programs that they call exist.

``make init WITHOUT=github,gitlab`` leaves out those of one forge. Their schemas are those of other projects:
``check-jsonschema --builtin-schema vendor.github-workflows`` (``vendor.gitlab-ci``, ``vendor.renovate``) checks them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock

from app.config import ROOT

FILES: Final = [
    path
    for name in (
        ".github/**/*.yml",
        ".gitlab-ci.yml",
        ".pre-commit-config.yaml",
        ".devcontainer/*.json",
        "renovate.json",
    )
    for path in sorted(ROOT.glob(name))
]
RUN: Final = frozenset({"run", "script", "entry", "postCreateCommand"})
"""Properties with commands."""
TARGETS: Final = {*re.findall(r"(?m)^([a-z][a-z-]*|\.venv/\w+\.lock):", (ROOT / "Makefile").read_text())}
TOOLS: Final = {"ruff", "mypy", "flask", "lint-imports", "python"}


def content(path: Path) -> Any:
    return json.loads(path.read_text()) if path.suffix == ".json" else yaml.safe_load(path.read_text())


def commands(node: Any, *, run: bool = False) -> Iterator[str]:
    """Yield the lines of shell commands."""
    if isinstance(node, dict):
        for name, each in node.items():
            yield from commands(each, run=name in RUN)
    elif isinstance(node, list):
        for each in node:
            yield from commands(each, run=run)
    elif run:
        yield from str(node).splitlines()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(path: Path) -> None:
    for command in commands(content(path)):
        match command.split():
            case ["make", *targets]:
                assert {*targets} <= TARGETS, command
            case [".venv/bin/python", "-m", module, *_]:
                assert module in TOOLS, command
            case [program, *_] if program.startswith(".venv/bin/"):
                assert Path(program).name in TOOLS, command
            case ["git", *_]:
                pass
            case [script]:
                assert (ROOT / script).stat().st_mode & 0o100, command
            case _:
                pytest.fail(command)


def test_a_pipeline_runs_all_checks() -> None:
    for path in FILES:
        if path.name in {"ci.yml", ".gitlab-ci.yml"}:
            assert {"make lint contract", ".ci/run", "make nightly"} <= {*commands(content(path))}


def test_commands_are_found() -> None:
    assert [*commands({"a": {"script": ["x", "y\nz"], "name": "n"}})] == ["x", "y", "z"]
