"""Server reflection, health, and limits of connections."""

import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc import StatusCode
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, PingAckReceived

from app.config import ROOT
from app.rpc import server
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.services import NAMES
from tests.rpc.client import Client, health

pytestmark = pytest.mark.slow


def test_the_server_describes_itself(unauthenticated: Client) -> None:
    described = ProtoReflectionDescriptorDatabase(unauthenticated.channel)
    assert set(described.get_services()) == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        *NAMES,
    }
    file = described.FindFileContainingSymbol("todo.v1.TodoService")
    assert [method.name for method in file.service[0].method] == [
        method.name for method in pb.DESCRIPTOR.services_by_name["TodoService"].methods
    ]


def test_reflection_v1_responds_like_v1alpha(unauthenticated: Client) -> None:
    """grpcurl 1.9, buf, Postman and Kreya try v1 first. The messages are the same in both."""
    ask: grpc.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
    ask = unauthenticated.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    listed, described, unknown = ask(
        iter(
            [
                ServerReflectionRequest(list_services=""),
                ServerReflectionRequest(file_containing_symbol="grpc.reflection.v1.ServerReflection"),
                ServerReflectionRequest(file_containing_symbol="other.v1.Service"),
            ]
        ),
        timeout=10,
    )
    assert "grpc.reflection.v1.ServerReflection" in {each.name for each in listed.list_services_response.service}
    file = FileDescriptorProto.FromString(described.file_descriptor_response.file_descriptor_proto[0])
    assert (file.package, file.service[0].name) == ("grpc.reflection.v1", "ServerReflection")
    assert b"v1alpha" not in file.SerializeToString()
    assert unknown.error_response.error_code == StatusCode.NOT_FOUND.value[0]


def test_health_lists_every_service(unauthenticated: Client) -> None:
    messages: Any = health_pb2  # its stubs lack these messages
    ask: Any = unauthenticated.channel.unary_unary(
        "/grpc.health.v1.Health/List",
        request_serializer=messages.HealthListRequest.SerializeToString,
        response_deserializer=messages.HealthListResponse.FromString,
    )
    statuses = ask(messages.HealthListRequest(), timeout=10).statuses
    assert set(statuses) == {"", *NAMES}
    assert {name: each.status for name, each in statuses.items()} == {
        name: health(unauthenticated.channel, name) for name in statuses
    }


def test_the_health_of_an_unknown_service_is_not_found(unauthenticated: Client) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        health(unauthenticated.channel, "other.v1.Service")
    assert raised.value.code() is StatusCode.NOT_FOUND


def test_metadata_of_unlimited_size_is_rejected(alice: Client) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        alice.call("ListTasks", pb.ListTasksRequest(), metadata={"x-padding": "x" * 40_000})
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED


def test_a_client_with_excessive_pings_is_disconnected(port: int) -> None:
    restless = [
        ("grpc.keepalive_time_ms", 100),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    with Client.of(port, None, restless) as client:
        watch: grpc.UnaryStreamMultiCallable[HealthCheckRequest, HealthCheckResponse] = client.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        with pytest.raises(grpc.RpcError) as raised:
            list(watch(HealthCheckRequest(), timeout=60))
    assert (raised.value.code(), raised.value.details()) == (StatusCode.UNAVAILABLE, "Too many pings")


def pinged(port: int, *, times: int, every: float) -> tuple[int, int | None]:
    """Ping on an idle connection; return the number of acknowledgements and the error code of the GOAWAY, if any."""
    acknowledged = 0
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        http2 = H2Connection(H2Configuration())
        http2.initiate_connection()
        for number in range(times):
            http2.ping(number.to_bytes(8))
            connection.sendall(http2.data_to_send())
            connection.settimeout(every)
            until = time.monotonic() + every
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                with suppress(TimeoutError):
                    data = connection.recv(65536)
                    assert data, "the server has closed the connection without a GOAWAY"
                    for event in http2.receive_data(data):
                        acknowledged += isinstance(event, PingAckReceived)
                        if isinstance(event, ConnectionTerminated):
                            return acknowledged, int(event.error_code or 0)
    return acknowledged, None


def test_an_idle_connection_accepts_pings_at_the_documented_interval(
    serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test shortens the interval: pings at twice the interval are always acknowledged."""
    monkeypatch.setattr(server, "PING_INTERVAL_MS", 100)
    port = serve()
    assert pinged(port, times=12, every=0.2) == (12, None)
    _, error = pinged(port, times=12, every=0.01)
    assert error == ErrorCodes.ENHANCE_YOUR_CALM


def test_the_documented_interval_is_10_s() -> None:
    assert server.PING_INTERVAL_MS == 10_000
    pages = (ROOT / "README.md", *(ROOT / "docs" / "call").glob("*.md"))
    assert any("ping more often than every 10 s" in page.read_text() for page in pages)
