"""The Go client of openapi-generator, with the standard library alone."""

import shutil
from pathlib import Path
from typing import Final

from tests.clients.conftest import HERE, run
from tests.clients.driving import Clock, generate, needed
from tests.clients.expected import BETA

DRIVER: Final = "drive_openapi_generator.go"
MODULE: Final = "module drive\n\ngo 1.19\n"
"""Debian's Go; the generated code needs no newer one."""
ALONE: Final = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
"""Environment that prevents downloads."""


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """With the listed warning and no message of the compiler or go vet; each step of the driver passes."""
    needed("java", "go", "gofmt")
    shutil.copy(HERE / DRIVER, folder)
    (folder / "go.mod").write_text(MODULE)
    clock = Clock()
    warnings = generate(
        folder,
        "go",
        "candor",
        packageName="candor",
        useOneOfDiscriminatorLookup="true",
        disallowAdditionalPropertiesIfNotPresent="false",
        withGoMod="false",
    )
    assert warnings == [BETA]
    assert run("go", "build", "-o", "drive", ".", cwd=folder, **ALONE) == ""
    clock.driven(folder / "drive", cwd=folder, environment=service)
    assert run("go", "vet", ".", cwd=folder, **ALONE) == ""
    assert run("gofmt", "-l", DRIVER, cwd=folder) == ""
