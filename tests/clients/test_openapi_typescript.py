"""The types of openapi-typescript, with openapi-fetch."""

import re
from pathlib import Path

from tests.clients.conftest import PYTHON, run


def test_they_are_generated_and_checked_and_work(node_folder: Path, service: dict[str, str]) -> None:
    """Without a warning of the generator or of tsc in strict mode; each step of the driver passes."""
    node, modules = PYTHON.parent / "node", node_folder / "node_modules"
    printed = run(
        node, modules / "openapi-typescript" / "bin" / "cli.js", "openapi.json", "-o", "schema.d.ts", cwd=node_folder
    )
    assert "warn" not in printed.lower()
    assert run(node, modules / "typescript" / "bin" / "tsc", "-p", ".", cwd=node_folder) == ""
    driver = (node_folder / "drive_typescript.ts").read_text()
    steps = re.findall(r"^  async (\w+)\(\) {", driver, re.MULTILINE)
    assert len(steps) >= 20
    assert run(node, "drive_typescript.ts", cwd=node_folder, **service).split() == steps
