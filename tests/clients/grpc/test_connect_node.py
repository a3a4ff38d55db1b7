"""connect-node over gRPC, with the messages and services that protoc-gen-es generates."""

from pathlib import Path

from tests.clients.grpc.conftest import typescript


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """Without a warning of protoc or an error of tsc in strict mode; each step of the driver passes."""
    options = "target=ts,import_extension=js"
    typescript(folder, service, driver="drive_connect_node.ts", plugin="es", options=options)
