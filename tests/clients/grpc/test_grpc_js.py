"""grpc-js, with the client that ts-proto generates."""

from pathlib import Path

from tests.clients.grpc.conftest import typescript


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """Without a warning of protoc or an error of tsc in strict mode; each step of the driver passes."""
    options = "outputServices=grpc-js,esModuleInterop=true,importSuffix=.js,useDate=false"
    typescript(folder, service, driver="drive_grpc_js.ts", plugin="ts_proto", options=options)
