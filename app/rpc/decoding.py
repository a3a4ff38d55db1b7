"""Decoding of messages with the schemas of ``wire``: messages have the same rules as JSON."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from google.protobuf.message import DecodeError, Message

from app.errs import Violation
from app.errs.requests import BodyTooLarge, MalformedRequest, ValidationFailed
from app.models.precondition import Precondition
from app.rpc.calls import Call, Method
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.ids import is_id, resource_id
from app.wire.list_parameters import OPAQUE, illegible, is_legible

_REVISION: Final = re.compile(r"[0-9a-f]{1,15}-[0-9a-f]{1,15}")
"""As ``app.models.precondition.revision`` makes it."""


def message_of(call: Call, method: Method) -> Message:
    """Return the message that was sent.

    Raises:
        BodyTooLarge: it is larger than the method reads.
        MalformedRequest: it is not of the method's type, or a string in it is not UTF-8.
    """
    limit = min(method.max_bytes, call.app.config["MAX_BODY_BYTES"])
    if len(call.sent) > limit:
        raise BodyTooLarge(limit=limit)
    try:
        return method.takes.FromString(call.sent)
    except DecodeError as exc:
        raise MalformedRequest(detail="no message of its type") from exc


class Reader:
    """Reads the parts of a request, and collects their violations."""

    def __init__(self, call: Call) -> None:
        self._now = call.services.clock.now()
        self.violations: list[Violation] = []

    def read(self, decode: Decoder, data: object, query: Mapping[str, Any] | None = None) -> Any:
        """Return the data as decoded by a schema; ``None`` if it violates rules."""
        return decode(data, DecodeContext(self._now, query or {}), self.violations)

    def read_query(self, decode: Decoder, sent: Mapping[str, str]) -> Any:
        """Return the parameters as decoded by a schema; parameters with control characters are violations."""
        invalid = [name for name, value in sent.items() if name not in OPAQUE and not is_legible(value)]
        self.violations += map(illegible, invalid)
        found = self.read(decode, {name: value for name, value in sent.items() if name not in invalid})
        order = [*decode.schema.fields]
        self.violations.sort(key=lambda each: order.index(each.field) if each.field in order else -1)
        return found

    def resource(self, collection: str, name: str) -> UUID:
        """Return the ID in the name of a resource; a malformed name is a violation.

        Over HTTP a malformed path is 404. Here a name is an argument (``google.rpc.Code``): it is INVALID_ARGUMENT if
        no resource can have it, whatever the state of the service.

        Args:
            collection: as in ``tasks/{uuid}``.
            name: the name that was sent.
        """
        prefix, _, text = name.rpartition("/")
        if not name:
            self.violations.append(_violation("name", "REQUIRED_FIELD", "is required"))
        elif prefix != collection or not is_id(text):
            self.violations.append(_violation("name", "INVALID_FORMAT", f"must be {collection}/{{uuid}}"))
        return resource_id(text)

    def precondition(self, etag: str, *, is_required: bool = False) -> Precondition:
        """Return the precondition of an ``etag`` (AIP-154): a revision of a response, or ``*`` for any."""
        if etag in {"", "*"}:
            return Precondition(is_missing=is_required and not etag)
        if not _REVISION.fullmatch(etag):
            self.violations.append(_violation("etag", "INVALID_FORMAT", "must be the etag of a response, or *"))
        return Precondition(frozenset({etag}))

    def require(self, request: Message, field: str) -> bool:
        """Return true if a message contains a field; a missing one is a violation."""
        is_there = request.HasField(field)
        if not is_there:
            self.violations.append(_violation(field, "REQUIRED_FIELD", "is required"))
        return is_there

    def check(self) -> None:
        """Raise if there are violations.

        Raises:
            ValidationFailed: with all violations.
        """
        if self.violations:
            raise ValidationFailed(violations=tuple(self.violations))


def _violation(field: str, code: str, message: str) -> Violation:
    return Violation(field, code, f"{field} {message}", pointer=f"#/{field}")
