"""Generates ``gen`` from ``proto``: `make proto`. Serving processes do not import this module. It needs
grpcio-tools. Two arguments name other folders: that of the package, and that of the protocol.
"""

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

PROTO: Final = Path(__file__).parent / "proto"
GEN: Final = Path(__file__).parent / "gen"
_SAYS: Final = '"""Made by `make proto`; do not edit."""\n'


def generate(into: Path, proto: Path = PROTO) -> None:
    """Write messages, their types and stubs.

    Args:
        into: the folder of the package ``app.rpc.gen``.
        proto: the folder with the protocol: a folder for each package.

    Raises:
        RuntimeError: protoc rejects a file.
    """
    _protoc(proto, *(f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")))
    packages = "|".join(sorted(path.name for path in proto.iterdir() if path.is_dir()))
    own = re.compile(rf"^from ({packages})([. ])", re.MULTILINE)
    for made in [*into.rglob("*_pb2*.py"), *into.rglob("*_pb2.pyi")]:
        made.write_text(own.sub(r"from app.rpc.gen.\1\2", made.read_text()))
    for folder in [into, *(path for path in into.rglob("*") if path.is_dir() and path.name != "__pycache__")]:
        (folder / "__init__.py").write_text(_SAYS)


def describe(into: Path, proto: Path = PROTO) -> None:
    """Write a ``google.protobuf.FileDescriptorSet`` with all files and their imports, for tools such as buf.

    Args:
        into: the file to write.
        proto: the folder with the protocol.

    Raises:
        RuntimeError: protoc rejects a file.
    """
    _protoc(proto, f"--descriptor_set_out={into}", "--include_imports", "--include_source_info")


def _protoc(proto: Path, *options: str) -> None:
    from google.api import annotations_pb2  # noqa: PLC0415 -- of development only
    from grpc_tools import protoc  # noqa: PLC0415 -- as above

    sources = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    known = [proto, files("grpc_tools") / "_proto", Path(annotations_pb2.__file__).parents[2]]
    if protoc.main(["protoc", *(f"--proto_path={path}" for path in known), *options, *sources]):
        raise RuntimeError("protoc has rejected a file")


if __name__ == "__main__":
    target, source = map(Path, sys.argv[1:] or (GEN, PROTO))
    target.mkdir(exist_ok=True)
    generate(target, source)
    sys.exit(0)
