"""Deprecated methods of a fork: every response announces it as metadata, and the protocol must agree."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import grpc
import pytest
from flask import Flask
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from app.config import Settings
from app.rpc import server
from app.rpc.methods import Service
from app.rpc.services import METHODS
from app.services.tasks import TaskService
from app.wire.deprecation import Deprecation
from tests.conftest import TokenMaker
from tests.rpc.conftest import served

SOON = Deprecation(date(2026, 12, 1), sunset=date(2027, 6, 1), page="https://api.example/changes#pets")
ANNOUNCED = {
    "deprecation": "@1796083200",
    "sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
    "link": '<https://api.example/changes#pets>; rel="deprecation"; type="text/html"',
}
PATHS = ("/pets.v1.PetService/GetPet", "/pets.v1.PetService/FindPet")


@pytest.fixture
def described() -> ServiceDescriptor:
    """Return the service of a fork, whose method GetPet is deprecated."""
    file = descriptor_pb2.FileDescriptorProto(name="pets/v1/pets.proto", package="pets.v1", syntax="proto3")
    file.message_type.add(name="Pet")
    service = file.service.add(name="PetService")
    for name in ("GetPet", "FindPet"):
        method = service.method.add(name=name, input_type=".pets.v1.Pet", output_type=".pets.v1.Pet")
        method.options.deprecated = name == "GetPet"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("pets.v1.PetService")


@pytest.fixture
def port(app: Flask, settings: Settings, described: ServiceDescriptor, monkeypatch: Any) -> Iterator[int]:
    """Return the port of a fork that serves pets."""
    pets, pet = Service(described, scope="tasks"), GetMessageClass(described.file.message_types_by_name["Pet"])
    pets.answers("GetPet", calls=TaskService.get, deprecated=SOON)(lambda _call, _pet: pet())
    pets.answers("FindPet", calls=TaskService.get)(lambda _call, _pet: pet())
    monkeypatch.setattr(server, "METHODS", {**METHODS, **pets.methods})
    with served(app, settings) as port:
        yield port


def announced(port: int, path: str, metadata: tuple[tuple[str, str], ...]) -> tuple[Any, dict[str, Any]]:
    """Return the status of a call, and the deprecation in its metadata."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        try:
            _, answer = call.with_call(b"", timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            answer = error  # type: ignore[assignment]  # an error is a call too
        trailing = answer.trailing_metadata()
        return answer.code(), {name: value for name, value in trailing if name in ANNOUNCED}


def test_every_response_of_the_method_announces_it(port: int, token: TokenMaker) -> None:
    bearer = (("authorization", f"Bearer {token('alice')}"),)
    assert announced(port, PATHS[0], bearer) == (grpc.StatusCode.OK, ANNOUNCED)
    assert announced(port, PATHS[0], ()) == (grpc.StatusCode.UNAUTHENTICATED, ANNOUNCED)
    assert announced(port, PATHS[1], bearer) == (grpc.StatusCode.OK, {})


def test_the_protocol_must_agree(described: ServiceDescriptor) -> None:
    pets = Service(described, scope="tasks")
    for name, deprecated in (("GetPet", None), ("FindPet", SOON)):
        with pytest.raises(TypeError, match=f"{name} has to be deprecated in the protocol .* and here, or nowhere"):
            pets.answers(name, calls=TaskService.get, deprecated=deprecated)
