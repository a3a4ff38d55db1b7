"""The TypeScript client of openapi-generator, with ``fetch``."""

from pathlib import Path

from tests.clients.conftest import PYTHON
from tests.clients.driving import Clock, compiled, generate
from tests.clients.expected import BETA


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """With the listed warning and without an error of tsc; each step of the driver passes."""
    clock = Clock()
    warnings = generate(folder, "typescript-fetch", "candor", importFileExtension=".js")
    assert warnings == [BETA]
    program = compiled(folder, "drive_openapi_generator_typescript.ts")
    clock.driven(PYTHON.parent / "node", program, cwd=folder, environment=service)
