"""The methods of a service of the protocol: each says which use case it calls, and so what it may end with."""

from collections.abc import Callable
from typing import Any, Final

import marshmallow as ma
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from app.errs import Error, access, platform, raised_by, requests
from app.rpc.calls import Call, Method
from app.services.idempotency import IdempotencyService
from app.wire.common_errors import DATABASE, GUARDED
from app.wire.deprecation import Deprecation

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
"""What is around every method."""
UNDECLARED: Final = (requests.PreconditionFailed,)
"""What use cases raise for things that cannot be said here: there are no entity tags."""
SMALL: Final = 16 * 1024
"""Bytes of a message unless a method declares another size."""
Handle = Callable[[Call, Any], Message]


class Service:
    """One service, with the scope that it asks for, and its methods by the path that they are called by."""

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
        deprecated: Deprecation | None = None,
    ) -> Callable[[Handle], Handle]:
        """Register a handler for a method.

        Args:
            name: as in the protocol.
            calls: the use case.
            reads: the schemas that what is asked must obey.
            max_bytes: the size of message that is read, checked before parsing; gRPC has one size for all methods.
            once: whether an idempotency key is heeded.
            deprecated: the announcement that it will be removed; each of its answers carries it as metadata.

        Raises:
            KeyError: the protocol has no such method.
            TypeError: the use case declares nothing, or the protocol does not say ``option deprecated = true`` alike.
        """
        method = self.described.methods_by_name[name]
        if method.GetOptions().deprecated is not (deprecated is not None):
            raise TypeError(
                f"{name} has to be deprecated in the protocol (option deprecated = true) and here, or nowhere"
            )
        fields = deprecated.fields if deprecated else {}
        raises: list[type[Error]] = [*COMMON_ERRORS, *raised_by(calls)]
        raises += [each for schema in reads for each in getattr(schema, "raises", ())]
        if once:
            raises += [requests.InvalidIdempotencyKey, *raised_by(IdempotencyService.once)]

        def decorate(handle: Handle) -> Handle:
            full = f"{self.described.full_name}/{name}"
            self.methods[f"/{full}"] = Method(
                name=full,
                scope=self.scope,
                takes=message_factory.GetMessageClass(method.input_type),
                raises=tuple(dict.fromkeys(each for each in raises if each not in UNDECLARED)),
                max_bytes=max_bytes,
                is_kept=once,
                handle=handle,
                announced={field.lower(): value for field, value in fields.items()},
            )
            return handle

        return decorate
