"""``--grpc`` of ``flask new resource``, and ``flask new member`` for such a resource: the protocol and its code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.resource import Words, write
from app.cli.resource.additions import add
from app.cli.resource.design import Design
from app.cli.resource.files import OWN_NAMES
from app.cli.resource.grpc_code import GEN, PROTO, next_number, path_of
from tests.unit.cli.checkout import SERVED, contents

pytestmark = pytest.mark.slow


@pytest.fixture
def gizmos(tree: Path) -> Path:
    """Return a checkout with the resource gizmos, served over gRPC."""
    pytest.importorskip("grpc_tools", reason="grpcio-tools, which generates the stubs, is not installed")
    write(tree, Words.of("gizmos"), SERVED)
    return tree


def test_the_protocol_is_a_separate_file(tree: Path) -> None:
    """Nothing that upstream changes is in it, and of the generated code only the package is new."""
    pytest.importorskip("grpc_tools", reason="grpcio-tools, which generates the stubs, is not installed")
    written = write(tree, Words.of("gizmos"), SERVED)
    assert {str(path) for path, was_there in written.items() if was_there and "rpc" in path.parts} == {
        "app/rpc/services.py"
    }
    assert {path for path in written if path.suffix == ".proto"} == {path_of("gizmos")}
    assert GEN / "gizmos" / "v1" / "gizmos_pb2.py" in written
    for step in (("format", "--check"), ("check", "--config", OWN_NAMES)):
        command = [sys.executable, "-m", "ruff", *step, "."]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_member_gets_a_new_number(gizmos: Path) -> None:
    path = gizmos / path_of("gizmos")
    text = path.read_text()
    assert "  // The status. Required.\n  Status status = 7;\n}\n" in text
    path.write_text(text.replace("  Status status = 7;\n}", "  Status status = 7;\n\n  reserved 8, 10 to 12;\n}"))
    changed = add(gizmos, "gizmos", "memo:text:200:optional")
    assert changed[path_of("gizmos")] is True
    assert "  // The memo.\n  optional string memo = 13;\n}\n" in path.read_text()
    assert "memo" in (gizmos / GEN / "gizmos" / "v1" / "gizmos_pb2.pyi").read_text()


@pytest.mark.parametrize(
    ("message", "expected"),
    [("", 1), ("string a = 1;\nreserved 2 to 4;", 5), ("int32 b = 7 [deprecated = true];", 8), ("reserved 3;", 4)],
)
def test_a_number_is_never_reused(message: str, expected: int) -> None:
    assert next_number(message) == expected


def test_a_repository_without_grpc_rejects_it_in_one_sentence(tree: Path) -> None:
    shutil.rmtree(tree / PROTO.parent)
    before = contents(tree)
    with pytest.raises(ValueError, match=r"^this repository has no gRPC: leave out --grpc$"):
        write(tree, Words.of("gizmos"), Design.of("gizmos", has_grpc=True))
    assert contents(tree) == before
