"""The client that grpclib generates."""

import shutil
from pathlib import Path
from typing import Final

from tests.clients.grpc.conftest import HERE, PYTHON, google, run, steps

CONFIGURATION: Final = """
[mypy]
strict = true

[mypy-errors.*,todo.*]
# The stubs of protoc have bare Mapping.
disallow_any_generics = false

[mypy-google.api.*,google.rpc.*]
# googleapis-common-protos has stubs, but no py.typed.
follow_untyped_imports = true
"""


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """Without a warning of protoc or an error of mypy in strict mode; each step of the driver passes."""
    driver = Path(shutil.copy(HERE / "drive_grpclib.py", folder))
    sources = [path.relative_to(folder / "proto") for path in (folder / "proto").rglob("*.proto")]
    outputs = [f"--{kind}_out=." for kind in ("python", "pyi", "grpclib_python")]
    printed = run(PYTHON, "-m", "grpc_tools.protoc", "-Iproto", f"-I{google()}", *outputs, *sources, cwd=folder)
    assert printed == ""
    (folder / "mypy.ini").write_text(CONFIGURATION)
    run(PYTHON, "-m", "mypy", driver.name, cwd=folder)
    expected = steps(driver, r"^@step\nasync def (\w+)")
    assert run(PYTHON, "-W", "error", driver.name, cwd=folder, environment=service).split() == expected
