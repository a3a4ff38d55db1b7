"""A call: what was asked and by whom and, once it has been answered, how. And the methods that can be called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flask import Flask
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc import StatusCode

from app import context
from app.context import Principal
from app.errs import Error
from app.observability.batches import BatchResult
from app.resilience.deadline import Deadline
from app.wire import client_addresses
from app.wire.page_tokens import PageTokens
from app.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What can be called, by whom, and everything that it may end with; see ``app.rpc.methods``."""

    name: str
    scope: str
    takes: type[Message]
    raises: tuple[type[Error], ...]
    max_bytes: int
    """The size of message that is read."""
    is_kept: bool
    """Whether an idempotency key is heeded, and the answer kept for whoever repeats the call."""
    handle: "Callable[[Call, Any], Message]"
    announced: Mapping[str, str]
    """The metadata of every answer of a deprecated method."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, on its way down through the hooks and up again."""

    app: Flask
    method: Method | None
    path: str
    metadata: Mapping[str, str]
    """By names in small letters; of a name that was sent twice the values are joined by commas, as over HTTP."""
    peer: str
    limit: Deadline
    sent: bytes = b""
    is_in_thread: bool = False
    """Whether a thread sees to it, and to its end."""
    was_cancelled: bool = False
    """Whether the caller has gone away, before the deadline."""
    shared_code: str | None = None
    """The code of an error that shares a log entry with others."""
    batch: BatchResult | None = None
    """The outcome, where several items are created at once."""
    is_simulated: bool = False
    """Whether its error is one that the caller has asked for."""
    code: StatusCode = StatusCode.OK
    status: status_pb2.Status | None = None
    trailing: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        """The use cases."""
        wired: Services = self.app.extensions["app-services"]
        return wired

    @property
    def page_tokens(self) -> PageTokens:
        """What seals and opens page tokens, those of HTTP too."""
        tokens: PageTokens = self.app.extensions["app-page-tokens"]
        return tokens

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            LookupError: nobody was asked for yet.
        """
        caller = context.principal.get()
        if caller is None:
            raise LookupError("authentication comes first")
        return caller

    def end(self, code: StatusCode, status: status_pb2.Status | None = None) -> None:
        """Note how the call ends."""
        self.code, self.status = code, status

    @property
    def client_address(self) -> str:
        """The address of the client, as far as our proxies are believed."""
        forwarded, trusted = self.metadata.get("x-forwarded-for", ""), self.app.config["TRUSTED_PROXIES"]
        return client_addresses.client_address(_address(self.peer), forwarded, trusted)

    def logged(self) -> dict[str, object]:
        """Return what every line says of the call; to HTTP, which carries it, it is a POST."""
        route = f"/{self.method.name}" if self.method else "unmatched"
        client = self.client_address if self.app.config["LOG_CLIENT"] else None
        about = {"method": "POST", "route": route, "path": self.path}
        return {**about, "client": client, "grpc_status": self.code.name}


def _address(peer: str) -> str:
    """Return the address of a peer as gRPC spells it (``ipv4:127.0.0.1:5``, ``ipv6:%5B::1%5D:5``); none of a socket."""
    family, _, location = unquote(peer).partition(":")
    return location.rpartition(":")[0].strip("[]") if family.startswith("ipv") else ""
