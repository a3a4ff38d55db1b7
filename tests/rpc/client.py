"""A gRPC client, and the complete description of a failed call."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import json_format, message_factory, struct_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_status import rpc_status

from app.rpc.gen.errors.v1 import errors_pb2
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.gen.todo.v1.todo_pb2_grpc import TodoServiceStub
from app.rpc.services import SERVICES
from tests.response_checks import LEAKS, slug_of

WITHIN: Final = 10.0
SCOPES: Final = " ".join(sorted({service.scope for service in SERVICES}))
"""The scopes of all methods."""
KINDS: Final = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RetryInfo,
    error_details_pb2.RequestInfo,
    error_details_pb2.Help,
    errors_pb2.ErrorDetail,
)
SHARED: Final = {
    "item_does_not_exist": 1001,
    "information_withheld": 1001,
    "item_already_exists": 1002,
    "edit_conflict": 1002,
    "invalid_operation": 4012,
    "unauthenticated_request": 2001,
    "unauthorized_request": 2002,
}
"""The numbers of codes without their own number, by kind."""
BUGS: Final = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL})


def number_of(code: str, *, kind: str = "") -> int:
    """Return the expected number of a code; 0 for a code without a number."""
    return dict(errors_pb2.AppErrorCode.items()).get(code) or SHARED.get(kind, 0)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call; every detail is checked when it is read."""

    code: grpc.StatusCode
    message: str
    details: Mapping[str, Any]
    trailing: Mapping[str, str]

    @classmethod
    def of(cls, error: Any, *, may_be_a_bug: bool = False) -> "Failure":
        """Read a failed call, and assert the properties that all failed calls have."""
        status = rpc_status.from_call(error)
        assert status is not None, error
        assert may_be_a_bug or error.code() not in BUGS, error
        details = {}
        for packed in status.details:
            kind = next(each for each in KINDS if packed.Is(each.DESCRIPTOR))
            assert kind.__name__ not in details, "each detail occurs once"
            details[kind.__name__] = kind.FromString(packed.value)
        trailing = {name: value for name, value in error.trailing_metadata() if isinstance(value, str)}
        failure = cls(error.code(), error.details(), details, trailing)
        failure.check()
        assert len(status.SerializeToString()) <= 6000, "the status must fit into the metadata limit of clients"
        assert not LEAKS.search(str(status)), "C3"
        return failure

    def check(self) -> None:
        """Assert that the details agree."""
        info, own = self.details["ErrorInfo"], self.details["ErrorDetail"]
        assert info.reason == own.code
        assert own.detail == self.message
        assert self.details["RequestInfo"].request_id == self.trailing["x-request-id"] == self.trailing["request-id"]
        page = slug_of({"code": own.code, "kind": info.metadata["kind"]})
        assert self.details["Help"].links[0].url.endswith(f"/errors/{page}")
        assert re.fullmatch(r"/[\w.]+/\w+|/.*", own.instance)
        broken = self.details["BadRequest"].field_violations if "BadRequest" in self.details else []
        said = [(each.field, each.description, each.reason) for each in broken]
        assert said == [(each.field, each.description, each.code) for each in own.field_violations]
        assert own.app_error_code == number_of(own.code, kind=info.metadata["kind"])
        for each in own.field_violations:
            assert each.app_error_code == number_of(each.code)

    @property
    def reason(self) -> str:
        """The code of the error."""
        return str(self.details["ErrorInfo"].reason)

    @property
    def number(self) -> int:
        """The number of the error."""
        return int(self.details["ErrorDetail"].app_error_code)

    @property
    def facts(self) -> dict[str, str]:
        """The facts of the error, as text."""
        return dict(self.details["ErrorInfo"].metadata)

    @property
    def violations(self) -> list[tuple[str, str]]:
        """The fields and codes of violations."""
        return [(each.field, each.code) for each in self.details["ErrorDetail"].field_violations]

    @property
    def extensions(self) -> dict[str, Any]:
        """The facts of the error, with types."""
        found = {}
        for name, packed in self.details["ErrorDetail"].extensions.items():
            kind = struct_pb2.Value if packed.Is(struct_pb2.Value.DESCRIPTOR) else errors_pb2.ItemFailures
            message: Message = kind.FromString(packed.value)
            found[name] = message if kind is errors_pb2.ItemFailures else json_format.MessageToDict(message)
        return found


def health(channel: grpc.Channel, service: str = "", *, within: float = WITHIN) -> int:
    """Return the status of a service from the standard health service, once the server is reachable."""
    ask: grpc.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse] = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
    return ask(HealthCheckRequest(service=service), wait_for_ready=True, timeout=within).status


@dataclass(frozen=True, slots=True)
class Client:
    """A caller with a connection."""

    channel: grpc.Channel
    token: str | None

    @classmethod
    @contextmanager
    def of(cls, port: int, token: str | None, options: Sequence[tuple[str, Any]] = ()) -> Iterator["Client"]:
        """Connect."""
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            yield cls(channel, token)

    @property
    def stub(self) -> TodoServiceStub:
        """The stub that protoc has generated."""
        return TodoServiceStub(self.channel)  # type: ignore[no-untyped-call]  # generated by protoc

    def metadata(self, more: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> tuple[tuple[str, str | bytes], ...]:
        """Return the metadata of a call."""
        pairs = more.items() if isinstance(more, Mapping) else more
        own = [] if self.token is None else [("authorization", f"Bearer {self.token}")]
        return (*own, *pairs)

    def raw(self, path: str, sent: bytes, *, within: float | None = WITHIN, metadata: Any = ()) -> bytes:
        """Return the response bytes for request bytes."""
        ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(path)
        return ask(sent, timeout=within, metadata=self.metadata(metadata))

    def call(
        self, method: str, request: Message, *, within: float | None = WITHIN, metadata: Any = ()
    ) -> tuple[Any, dict[str, str]]:
        """Return the response and its metadata."""
        ask: Any = self._ask(method, request)
        answer, call = ask.with_call(request, timeout=within, metadata=self.metadata(metadata))
        return answer, dict(call.trailing_metadata())

    def _ask(self, method: str, request: Message) -> object:
        """Return the method of this name, of any service."""
        service = next(each.described for each in SERVICES if method in each.described.methods_by_name)
        answer = message_factory.GetMessageClass(service.methods_by_name[method].output_type)
        return self.channel.unary_unary(
            f"/{service.full_name}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )

    def failure(self, method: str, request: Message, *, may_be_a_bug: bool = False, **how: Any) -> Failure:
        """Return the failure of a call, which must fail."""
        try:
            answer, _ = self.call(method, request, **how)
        except grpc.RpcError as error:
            return Failure.of(error, may_be_a_bug=may_be_a_bug)
        raise AssertionError(f"answered: {answer}")

    def create(self, title: str = "Buy milk", **members: Any) -> pb.Task:
        """Create a task."""
        task: pb.Task = self.call("CreateTask", pb.CreateTaskRequest(task=pb.Task(title=title, **members)))[0]
        return task

    def get(self, name: str) -> pb.Task:
        """Return a task."""
        task: pb.Task = self.call("GetTask", pb.GetTaskRequest(name=name))[0]
        return task
