"""Issue 8: reflection, health, and what connections may do."""

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.rpc.client import Client, health


def test_the_server_describes_itself(nobody: Client) -> None:
    described = ProtoReflectionDescriptorDatabase(nobody.channel)
    assert set(described.get_services()) == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "todo.v1.TodoService",
    }
    file = described.FindFileContainingSymbol("todo.v1.TodoService")
    assert [method.name for method in file.service[0].method] == [
        method.name for method in pb.DESCRIPTOR.services_by_name["TodoService"].methods
    ]


def test_nobody_knows_how_another_service_is(nobody: Client) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        health(nobody.channel, "other.v1.Service")
    assert raised.value.code() is StatusCode.NOT_FOUND


def test_metadata_without_end_is_refused(alice: Client) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        alice.call("ListTasks", pb.ListTasksRequest(), metadata={"x-padding": "x" * 40_000})
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED


def test_who_pings_without_end_is_hung_up_on(port: int) -> None:
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
