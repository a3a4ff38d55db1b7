"""The client of openapi-python-client."""

import re
import shutil
from pathlib import Path

from tests.clients.conftest import HERE, PYTHON, run

CONFIGURATION = "package_name_override: candor_client\npost_hooks: []\n"


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """Without a warning of the generator or an error of mypy in strict mode; each step of the driver passes."""
    (folder / "configuration.yml").write_text(CONFIGURATION)
    shutil.copy(HERE / "drive_python.py", folder)
    generator = PYTHON.parent / "openapi-python-client"
    options = ("--path", "openapi.json", "--output-path", "candor_client", "--meta", "none")
    printed = run(generator, "generate", *options, "--config", "configuration.yml", cwd=folder)
    assert printed == "Generating candor_client\n"
    run(PYTHON, "-m", "mypy", "--strict", "drive_python.py", cwd=folder)
    steps = re.findall(r"^@step\ndef (\w+)", (folder / "drive_python.py").read_text(), re.MULTILINE)
    assert len(steps) >= 30
    assert run(PYTHON, "drive_python.py", cwd=folder, **service).split() == steps
