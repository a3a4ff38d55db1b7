"""Introspection for gRPC tools: the health service with ``List``, and both versions of reflection.

grpcio-health-checking 1.85 returns UNIMPLEMENTED for ``List``, and grpcio-reflection 1.85 supports only v1alpha. The
messages of v1 are those of v1alpha in another package (grpc/grpc, doc/server-reflection.md).
"""

from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from app.rpc.services import NAMES

HealthListResponse: Any = health_pb2.HealthListResponse  # type: ignore[attr-defined]  # the stubs lack it

OLD: Final = "grpc.reflection.v1alpha"
NEW: Final = "grpc.reflection.v1"
SERVICE: Final = "ServerReflection"
DESCRIBED: Final = (*NAMES, health.SERVICE_NAME, f"{OLD}.{SERVICE}", f"{NEW}.{SERVICE}")


class Health(health.aio.HealthServicer):
    """The standard health service (grpc/grpc-proto, grpc/health/v1/health.proto)."""

    async def List(self, _request: Any, context: Any) -> Any:  # noqa: N802 -- a method of gRPC
        """Return the status of every service; ``""`` is the server."""
        names = {name: health_pb2.HealthCheckRequest(service=name) for name in ("", *NAMES)}
        return HealthListResponse(
            statuses={name: await self.Check(request, context) for name, request in names.items()}
        )


def add_reflection(server: grpc.aio.Server) -> None:
    """Let the server describe its services to clients of v1alpha and of v1."""
    _describe_v1()
    reflection.enable_server_reflection(DESCRIBED, server)
    servicer = reflection.aio.ReflectionServicer(DESCRIBED)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(f"{NEW}.{SERVICE}", {"ServerReflectionInfo": handler}),)
    )


def _describe_v1() -> None:
    """Register the descriptors of v1, derived from those of v1alpha."""
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", NEW
    file.ClearField("options")  # the package names of other languages, and a note that v1alpha is deprecated
    for field in (field for message in file.message_type for field in message.field if field.type_name):
        field.type_name = field.type_name.replace(f".{OLD}.", f".{NEW}.")
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(f".{OLD}.", f".{NEW}.")
        method.output_type = method.output_type.replace(f".{OLD}.", f".{NEW}.")
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
