"""The Python client of openapi-generator, with models of pydantic."""

import shutil
from pathlib import Path
from typing import Final

from tests.clients.conftest import HERE, PYTHON
from tests.clients.driving import Clock, generate
from tests.clients.expected import BETA, INLINE

DRIVER: Final = "drive_openapi_generator_python.py"


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """With the listed warnings and without an error of mypy; each step of the driver passes."""
    shutil.copy(HERE / DRIVER, folder)
    clock = Clock()
    warnings = generate(
        folder,
        "python",
        ".",
        packageName="candor_openapi",
        useOneOfDiscriminatorLookup="true",
        generateSourceCodeOnly="true",
    )
    assert set(warnings) == {BETA, INLINE}
    typed = clock.paused(PYTHON, "-m", "mypy", "--strict", "--follow-imports=silent", DRIVER, cwd=folder)
    assert typed == "Success: no issues found in 1 source file\n"
    clock.driven(PYTHON, DRIVER, cwd=folder, environment=service)
