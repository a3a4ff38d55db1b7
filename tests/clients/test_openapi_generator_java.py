"""The Java client of openapi-generator, with ``java.net.http`` and Jackson.

Jackson comes from the generator's own jar: it is newer than Debian's, and has the module for ``java.time``, which
Debian lacks.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conftest import HERE, PYTHON, run
from tests.clients.driving import QUICK_JAVA, Clock, generate, needed
from tests.clients.expected import BETA

DRIVER: Final = "DriveOpenapiGenerator.java"
ANNOTATIONS: Final = Path("/usr/share/java/geronimo-annotation-1.3-spec.jar")
"""Debian's libgeronimo-annotation-1.3-spec-java: ``javax.annotation.Generated``."""
LINT: Final = ("-Xlint:all,-classfile,-processing,-serial,-deprecation", "-XDsuppressNotes")
"""Disables warnings about the jars, about serializable classes, which are never serialized, and about one setter."""
NAMES: Final = "-parameters"
"""Keeps the names of parameters; the driver uses them to call an operation that is known at run time only."""
UNABLE: Final = ("null_clears_a_property",)
"""Without jackson-databind-nullable, which neither Debian nor the jar has, an update can't contain null."""


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """With the listed warning and no message of javac; each step of the driver passes."""
    needed("java", "javac")
    if not ANNOTATIONS.exists():
        pytest.skip(f"{ANNOTATIONS} is not installed: docs/call/clients.md names the packages")
    (jar,) = PYTHON.parent.parent.glob("lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar")
    shutil.copy(HERE / DRIVER, folder)
    clock = Clock()
    warnings = generate(
        folder,
        "java",
        "candor",
        library="native",
        openApiNullable="false",
        useOneOfDiscriminatorLookup="true",
        useSingleRequestParameter="true",
        invokerPackage="candor",
        apiPackage="candor.api",
        modelPackage="candor.model",
    )
    assert warnings == [BETA]
    sources = [path.relative_to(folder) for path in (folder / "candor" / "src" / "main").rglob("*.java")]
    classes, options = f"{jar}{os.pathsep}{ANNOTATIONS}", [f"-J{option}" for option in QUICK_JAVA.split()]
    compiler = ("javac", *options, "-proc:none", NAMES, *LINT, "-d", "built", "-cp", classes)
    assert run(*compiler, DRIVER, *sources, cwd=folder) == ""
    program = ("java", *QUICK_JAVA.split(), "-cp", f"built{os.pathsep}{classes}", DRIVER.removesuffix(".java"))
    clock.driven(*program, cwd=folder, environment=service, but=UNABLE)
