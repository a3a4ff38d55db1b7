"""The methods of a gRPC service: each names its use case, which determines its errors."""

from collections.abc import Callable
from typing import Any, Final

import marshmallow as ma
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.message import Message

from app.errs import Error, access, platform, raised_by, requests
from app.rpc.calls import Call, Method
from app.services.idempotency import IdempotencyService
from app.wire.deprecation import Deprecation
from app.wire.implied_errors import DATABASE, GUARDED

COMMON_ERRORS: Final = (
    platform.InternalError,
    platform.RateLimitExceeded,
    *GUARDED,
    access.InsufficientScope,
    requests.BodyTooLarge,
    requests.MalformedRequest,
    requests.ValidationFailed,
    *DATABASE,
)
"""The errors that every method can return."""
ETAG: Final = "etag"
"""The field with the precondition of a request, itself or in its resource (AIP-154)."""
PRECONDITIONS: Final = (requests.PreconditionFailed, requests.PreconditionRequired)
"""The errors of a precondition, which a request without an etag does not have."""
SMALL: Final = 16 * 1024
"""The default maximum size of a message in bytes."""
Handle = Callable[[Call, Any], Message]


class Service:
    """One service, its scope, and its methods by path."""

    def __init__(self, described: ServiceDescriptor, *, scope: str) -> None:
        self.described: Final = described
        self.scope: Final = scope
        self.methods: Final[dict[str, Method]] = {}

    def answers(
        self,
        name: str,
        *,
        calls: Callable[..., object],
        reads: tuple[type[ma.Schema], ...] = (),
        max_bytes: int = SMALL,
        once: bool = False,
        reads_replica: bool = False,
        deprecated: Deprecation | None = None,
    ) -> Callable[[Handle], Handle]:
        """Register a handler for a method.

        Args:
            name: the name in the protocol.
            calls: the use case.
            reads: the schemas that validate the request.
            max_bytes: the maximum size of a message, checked before parsing; gRPC itself has one limit for all methods.
            once: true if the method supports idempotency keys.
            reads_replica: true if the method only reads, and can use a replica (``REPLICA_URL``). Never declare it for
                data that grants or revokes access.
            deprecated: the announcement of its removal, which each of its responses carries as metadata.

        Raises:
            KeyError: the protocol has no such method.
            TypeError: the use case declares no errors, or ``option deprecated`` of the protocol differs.
        """
        method = self.described.methods_by_name[name]
        if method.GetOptions().deprecated is not (deprecated is not None):
            raise TypeError(
                f"{name} has to be deprecated in the protocol (option deprecated = true) and here, or nowhere"
            )
        fields = deprecated.fields if deprecated else {}
        raises: list[type[Error]] = [*COMMON_ERRORS, *raised_by(calls)]
        raises += [each for schema in reads for each in getattr(schema, "raises", ())]
        if not _has_etag(method.input_type):
            raises = [each for each in raises if each not in PRECONDITIONS]
        if once:
            raises += [requests.InvalidIdempotencyKey, *raised_by(IdempotencyService.once)]

        def decorate(handle: Handle) -> Handle:
            full = f"{self.described.full_name}/{name}"
            self.methods[f"/{full}"] = Method(
                name=full,
                scope=self.scope,
                takes=message_factory.GetMessageClass(method.input_type),
                raises=tuple(dict.fromkeys(raises)),
                max_bytes=max_bytes,
                is_kept=once,
                reads_replica=reads_replica,
                handle=handle,
                announced={field.lower(): value for field, value in fields.items()},
            )
            return handle

        return decorate


def _has_etag(request: Descriptor) -> bool:
    """Return whether a request can have a precondition."""
    nested = (each.message_type.fields_by_name for each in request.fields if each.message_type)
    return any(ETAG in fields for fields in (request.fields_by_name, *nested))
