"""Reads what is asked by the schemas of ``wire``: messages say the same as JSON, and break the same rules."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError, Message

from app.errs import Violation
from app.errs.requests import BodyTooLarge, MalformedRequest, ValidationFailed
from app.rpc.calls import Call
from app.wire.decoder import Decoder
from app.wire.parameters import OPAQUE, illegible, is_legible
from app.wire.reading import Reading


def message_of(call: Call, kind: type[Message]) -> Message:
    """Return the message that was sent.

    Raises:
        BodyTooLarge: it has more bytes than a body may have.
        MalformedRequest: it is not of its type, or a text in it is not UTF-8.
    """
    limit: int = call.app.config["MAX_BODY_BYTES"]
    if len(call.sent) > limit:
        raise BodyTooLarge(limit=limit)
    try:
        return kind.FromString(call.sent)
    except DecodeError as exc:
        raise MalformedRequest(detail="no message of its type") from exc


class Reader:
    """Reads the parts of a request; their violations wait for one another."""

    def __init__(self, call: Call) -> None:
        self._now = call.services.clock.now()
        self.violations: list[Violation] = []

    def read(self, decode: Decoder, data: object, query: Mapping[str, Any] | None = None) -> Any:
        """Return what a schema makes of the data; ``None`` where it breaks rules."""
        return decode(data, Reading(self._now, query or {}), self.violations)

    def read_query(self, decode: Decoder, sent: Mapping[str, str]) -> Any:
        """Return what a schema makes of parameters; control characters are in none of them."""
        bad = [name for name, value in sent.items() if name not in OPAQUE and not is_legible(value)]
        self.violations += map(illegible, bad)
        found = self.read(decode, {name: value for name, value in sent.items() if name not in bad})
        order = [*decode.schema.fields]
        self.violations.sort(key=lambda each: order.index(each.field))
        return found

    def check(self) -> None:
        """Go on once everything is in order.

        Raises:
            ValidationFailed: with everything that is not.
        """
        if self.violations:
            raise ValidationFailed(violations=tuple(self.violations))
