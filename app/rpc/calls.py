"""A call, with its request, its caller and its result; and the methods that can be called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flask import Flask
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc import StatusCode

from app import request_context
from app.errs import Error
from app.observability.batch_log import BatchResult
from app.request_context import Principal
from app.resilience.deadline import Deadline
from app.wire import client_addresses
from app.wire.page_tokens import PageTokens
from app.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that can be called, its scope, and all errors that it may return; see ``app.rpc.methods``."""

    name: str
    scope: str
    takes: type[Message]
    raises: tuple[type[Error], ...]
    max_bytes: int
    """The maximum size of its message."""
    is_kept: bool
    """True if the method supports idempotency keys and stores its response for repeated calls."""
    reads_replica: bool
    """True if it only reads, and can read from a replica with the state that the caller has seen."""
    handle: "Callable[[Call, Any], Message]"
    announced: Mapping[str, str]
    """The metadata of each response of a deprecated method."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call while the hooks handle it."""

    app: Flask
    method: Method | None
    path: str
    metadata: Mapping[str, str]
    """By lower-case name; repeated values are joined by commas, as over HTTP."""
    peer: str
    limit: Deadline
    sent: bytes = b""
    is_in_thread: bool = False
    """True if a thread handles it to its end."""
    was_cancelled: bool = False
    """True if the client disconnected before the deadline."""
    shared_code: str | None = None
    """The code of an error that shares a log entry with others."""
    batch: BatchResult | None = None
    """The result, if the call creates several items."""
    is_simulated: bool = False
    """True if the caller requested its error."""
    code: StatusCode = StatusCode.OK
    status: status_pb2.Status | None = None
    trailing: dict[str, str] = field(default_factory=dict)
    _client_address: str | None = field(default=None, init=False)

    @property
    def services(self) -> Services:
        """The use cases."""
        wired: Services = self.app.extensions["app-services"]
        return wired

    @property
    def page_tokens(self) -> PageTokens:
        """The sealer of page tokens, shared with HTTP."""
        tokens: PageTokens = self.app.extensions["app-page-tokens"]
        return tokens

    @property
    def principal(self) -> Principal:
        """The caller.

        Raises:
            LookupError: the call is not authenticated yet.
        """
        caller = request_context.principal.get()
        if caller is None:
            raise LookupError("authentication comes first")
        return caller

    def end(self, code: StatusCode, status: status_pb2.Status | None = None) -> None:
        """Set the status of the call."""
        self.code, self.status = code, status

    @property
    def client_address(self) -> str:
        """The address of the client, as reported by trusted proxies."""
        if self._client_address is None:
            self._client_address = client_addresses.client_address(*self._origin())
        return self._client_address

    @property
    def counted_address(self) -> str:
        """The address of the client for a rate limit."""
        return client_addresses.counted(self.client_address, *self._origin())

    def _origin(self) -> tuple[str, str, Sequence[client_addresses.Network]]:
        """Return the peer, X-Forwarded-For, and the trusted proxies."""
        return _address(self.peer), self.metadata.get("x-forwarded-for", ""), self.app.config["TRUSTED_PROXIES"]

    @property
    def route(self) -> str:
        """The name of the method in log and metrics."""
        return f"/{self.method.name}" if self.method else "unmatched"

    def logged(self) -> dict[str, object]:
        """Return the common fields of the call's log entries; over HTTP/2, a call is a POST."""
        client = self.client_address if self.app.config["LOG_CLIENT"] else None
        about = {"method": "POST", "route": self.route, "path": self.path}
        return {**about, "client": client, "grpc_status": self.code.name}


def _address(peer: str) -> str:
    """Return the address of a peer in gRPC's notation (``ipv4:127.0.0.1:5``, ``ipv6:%5B::1%5D:5``), or none for a
    socket.
    """
    family, _, location = unquote(peer).partition(":")
    return location.rpartition(":")[0].strip("[]") if family.startswith("ipv") else ""
